//! What is said about rules that are wrong: parameters, conditions, clauses and tags.

use crate::said::{assert_said, rule_said};

#[test]
fn parameters() {
    rule_said("«IsComplete»", "`IsComplete` takes 1 parameter, and here are 0", "write `IsComplete \"column\"`");
    rule_said("«Completeness» \"a\" \"b\" > 0.5", "`Completeness` takes 1 parameter, and here are 2", "write `Completeness \"column\"`");
    rule_said(
        "«ColumnCount» 5",
        "`ColumnCount` takes no parameters, and here are 1",
        "is an operator missing? A condition is written `ColumnCount > 1`",
    );
    rule_said("«IsUnique»", "`IsUnique` takes at least 1 parameter, and here are 0", "write `IsUnique \"column\"`");
    rule_said(
        "«DatasetMatch» \"ref\" > 0.5",
        "`DatasetMatch` takes 2 to 3 parameters, and here are 1",
        "write `DatasetMatch \"reference\" \"column->column\" \"column->column\"`",
    );
    assert_said("Rules = [ IsComplete of «]»", "expected a parameter, found `]`", "write a name in double quotes after `of`");
    rule_said(
        "IsUnique \"a\" and «IsUnique» \"b\"",
        "`IsUnique` is the name of a rule",
        "rules that are put together are in brackets: `(IsUnique …) and (IsUnique …)`",
    );
    rule_said(
        "IsUnique \"a\" «IsUnique» \"b\"",
        "`IsUnique` is the name of a rule",
        "a comma is missing before it; if it is a column, write \"IsUnique\"",
    );
    rule_said("RowCount > 1 «IsUnique» \"b\"", "expected `,` or `]`, found `IsUnique`", "a comma is missing between two rules");
    rule_said("Quantile \"a\" «\"95\"» > 1", "`Quantile` does not know \"95\" here", "it takes a number from 0 to 1");
    rule_said("Outliers \"a\" «\"iqr\"» \"3\" = 0", "`Outliers` does not know \"iqr\" here", "it takes \"z-score\", \"mad\"");
    rule_said("Outliers \"a\" \"mad\" «\"-1\"» = 0", "`Outliers` does not know \"-1\" here", "it takes a number that is not negative");
    rule_said(
        "ColumnPair \"a\" «\"~\"» \"b\"",
        "`ColumnPair` does not know \"~\" here",
        "it takes \"=\", \"!=\", \"<\", \"<=\", \">\", \">=\"",
    );
    rule_said("DetectAnomalies «\"Completness\"» \"a\"", "there is no statistic \"Completness\"", "did you mean `Completeness`?");
    rule_said(
        "DetectAnomalies «\"IsComplete\"» \"a\"",
        "`IsComplete` has no history in which anomalies could be found",
        "name a statistic that is one number",
    );
    rule_said("DetectAnomalies «\"Completeness\"»", "`Completeness` takes 1 parameter, and here are 0", "write `Completeness \"column\"`");
}

#[test]
fn kinds_of_conditions() {
    rule_said("«Completeness» \"a\"", "`Completeness` has no condition to hold against", "write `Completeness … > 0.9`");
    rule_said("«RowCount»", "`RowCount` has no condition to hold against", "write `RowCount > 0.9`");
    rule_said("IsComplete \"a\" «> 0.5»", "`IsComplete` holds or not, it has no condition", "");
    rule_said("IsComplete \"a\" «<= 3 days»", "`IsComplete` holds or not, it has no condition", "");
    rule_said(
        "FileMatch \"a\" \"b\" «in [\"c\"]»",
        "`FileMatch` holds or not, it has no condition",
        "two files are compared with each other only",
    );
    rule_said("DataFreshness \"a\" «<= 3»", "this compares with a number, and a duration is needed", "for example `<= 24 hours`");
    rule_said("FileSize «> (now() - 3 days)»", "this compares with a date, and a size is needed", "for example `< 2 MB`");
    rule_said("RowCount «> \"many\"»", "this compares with a string, and a number is needed", "for example `> 0.9`");
    rule_said("RowCount «> 5 MB»", "this compares with a size, and a number is needed", "for example `> 0.9`");
    rule_said("RowCount «matches» \"a\"", "this compares with a string, and a number is needed", "for example `> 0.9`");
    rule_said(
        "ColumnValues \"a\" «> 3 days»",
        "this compares with a duration, and a number or a string or a date is needed",
        "for example `> 0.9`",
    );
    rule_said("FileFreshness «> \"9:30\"»", "this compares with a string, and a date is needed", "for example `> (now() - 3 days)`");
    rule_said("FileSize «> 1.5»", "this compares with a number, and a size is needed", "for example `< 2 MB`");
    rule_said("ColumnValues \"a\" in [1, «\"b\"»]", "a number and a string are not compared with together", "all values are of one kind");
    rule_said("ColumnValues \"a\" in [\"b\", «now()»]", "this is not a string, as the others are", "");
    rule_said(
        "ColumnValues \"a\" «> \"b\"»",
        "no string is more or less than another",
        "strings are compared with by `=`, `!=`, `in` and `matches`",
    );
    rule_said("ColumnValues \"a\" > «NULL»", "nothing is more or less than NULL", "NULL is compared with by `=`, `!=` and `in`");
    rule_said("ColumnDataType \"a\" «in [\"DATE\"]»", "`ColumnDataType` is compared with one type", "write `= \"DATE\"` or `!= \"DATE\"`");
}

#[test]
fn operands() {
    rule_said("RowCount > «.5»", "expected something to compare with, found `.5`", "write `0.5`");
    rule_said("RowCount > «5.»", "expected something to compare with, found `5.`", "write `5` or `5.0`");
    rule_said("RowCount > «1e5»", "expected something to compare with, found `1e5`", "numbers have no exponent: write the digits out");
    rule_said(
        "DataFreshness \"a\" <= «24hours»",
        "expected something to compare with, found `24hours`",
        "there is a space between a number and its unit: `24 hours`",
    );
    rule_said("DataFreshness \"a\" <= «1.5» days", "durations are whole", "take a smaller unit");
    rule_said("DataFreshness \"a\" <= «99999999» days", "this duration is too long", "10,000 years are the most");
    rule_said("DataFreshness \"a\" <= «-»3 days", "durations and sizes are not negative", "");
    rule_said("FileSize < «99999999» TB", "this size is too large", "");
    rule_said("FileSize < «1.5» GB", "sizes are whole", "take a smaller unit");
    rule_said("ColumnValues \"a\" > «now()» - 3 days", "`now()` and a duration are in brackets", "write `(now() - 3 days)`");
    rule_said(
        "ColumnValues \"a\" > (now() - 1«)»",
        "expected `days`, `hours` or `minutes`, found `)`",
        "a moment is written `(now() - 3 days)`",
    );
    rule_said("ColumnValues \"a\" > (now()«)»", "expected `+`, found `)`", "a moment is written `(now() - 3 days)`");
    rule_said("ColumnValues \"a\" > «\"2024-02-30\"»", "there is no such day as \"2024-02-30\"", "");
    rule_said("FileFreshness > «\"25:00\"»", "there is no such time as \"25:00\"", "");
    rule_said("FileFreshness > «\"13:50 PM\"»", "there is no such time as \"13:50 PM\"", "");
    rule_said("RowCount > 1 + «NULL»", "NULL is no number to reckon with", "");
    assert_said("Rules = [ RowCount > (1 + 2 «]»", "expected `)`, found `]`", "a bracket is not closed");
    rule_said("RowCount > «-»(1)", "expected a number, found `-`", "");
    rule_said("RowCount > «Null»", "expected something to compare with, found `Null`", "it is written in capitals");
    rule_said("ColumnValues \"a\" in [«]»", "expected something to compare with, found `]`", "");
    rule_said("ColumnValues \"a\" in «(»1)", "expected `[`, found `(`", "values are listed in square brackets: `in [1,2]`");
}

#[test]
fn operators() {
    rule_said("RowCount «==» 5", "expected a comparison, found `==`", "equal is written `=`");
    rule_said("RowCount «<>» 5", "expected a comparison, found `<>`", "not equal is written `!=`");
    rule_said("RowCount «!» 5", "expected a comparison, found `!`", "not equal is written `!=`");
    rule_said("RowCount not «>» 5", "expected `between`, `in` or `matches`, found `>`", "write `!=` for not equal");
    rule_said("RowCount «BETWEEN» 1 and 5", "expected `,` or `]`, found `BETWEEN`", "keywords are in lower case");
    rule_said("RowCount between 1 «,» 5", "expected `and`, found `,`", "a range is written `between 1 and 2`");
    rule_said("RowCount > 5 «WHERE» \"a\"", "expected `,` or `]`, found `WHERE`", "keywords are in lower case");
}

#[test]
fn clauses() {
    let order = "the order is: condition, `where`, `group by`, `labels`, `with`";
    rule_said("ColumnCount > 1 where «\"a\"»", "`ColumnCount` has no `where`", "");
    rule_said("RowCount > 1 where «\" \"»", "`where` chooses nothing", "write SQL that is true for the rows that are meant");
    rule_said("RowCount > 1 labels=[\"a\"=\"b\"] «where» \"a\"", "expected `,` or `]`, found `where`", order);
    rule_said("RowCount > 1 with level = \"warn\" «labels»=[\"a\"=\"b\"]", "expected `,` or `]`, found `labels`", order);
    rule_said("FileSize > 1 group by «\"a\"»", "`FileSize` is not measured by group", "");
    let inside = "this belongs into the brackets, to its rule";
    rule_said("(RowCount > 1) «where» \"a\"", "expected `,` or `]`, found `where`", inside);
    rule_said("(RowCount > 1) and (RowCount < 9) «with» level = \"warn\"", "expected `,` or `]`, found `with`", inside);
    rule_said("RowCount > 1 group by \"a\" «\"a\"»", "\"a\" is grouped by already", "");
    rule_said("RowCount > 1 group «\"a\"»", "expected `by`, found the string \"a\"", "groups are written `group by \"column\"`");
    rule_said(
        "RowCount > 1 group by «a»",
        "expected a column in double quotes, found `a`",
        "groups are written `group by \"column\" \"column\"`",
    );
}

#[test]
fn labels() {
    rule_said("RowCount > 1 labels=«[\"a\"=\"b\", \"a\"=\"c\"]»", "the label \"a\" is here twice", "");
    let many: Vec<String> = (0..11).map(|label| format!("\"{label}\"=\"b\"")).collect();
    rule_said(&format!("RowCount > 1 labels=«[{}]»", many.join(", ")), "there are 11 labels", "10 are allowed");
    rule_said("RowCount > 1 labels=[«\"\"»=\"b\"]", "a label's key has 1 to 128 characters, not 0", "");
    let long = "ä".repeat(257);
    rule_said(&format!("RowCount > 1 labels=[\"a\"=«\"{long}\"»]"), "a label's value has 1 to 256 characters, not 257", "");
    let composite = "labels of all rules: `((A) and (B)) labels=[…]`; of one: `(A labels=[…]) and (B)`";
    rule_said("(RowCount > 1) and (RowCount < 9) «labels=[\"a\"=\"b\"]»", "it is not clear which rules these labels are of", composite);
    rule_said(
        "(RowCount > 1 labels=[\"a\"=\"b\"]) «labels=[\"c\"=\"d\"]»",
        "these rules have labels already",
        "put all of them into one list",
    );
}

#[test]
fn tags() {
    rule_said("ColumnValues \"a\" > 1 with «treshold» = 0.5", "there is no tag `treshold`", "did you mean `threshold`?");
    rule_said("FileFreshness > \"19:30\" with «timezone» = \"UTC\"", "there is no tag `timezone`", "did you mean `timeZone`?");
    rule_said(
        "FileFreshness > \"19:30\" with «timeZone = \"Mars/Olympus\"»",
        "`timeZone` has no such value",
        "it takes the name of a time zone, as \"Europe/Rome\"",
    );
    rule_said(
        "FileMatch in [\"a\"] with «hashAlgorithm = \"CRC\"»",
        "`hashAlgorithm` has no such value",
        "it takes \"MD5\", \"SHA-1\" or \"SHA-256\"",
    );
    rule_said("ColumnValues \"a\" = \"b\" with «ignoreCase = \"yes\"»", "`ignoreCase` has no such value", "it takes \"true\" or \"false\"");
    rule_said("FileSize > 1 with «recentFiles = 0.5»", "`recentFiles` has no such value", "it takes a whole number of files");
    rule_said("RowCount > 1 with «format = \"x\"»", "`RowCount` has no tag `format`", "");
    rule_said("ColumnValues \"a\" > 1 with «format = \"x\"»", "`ColumnValues` has no tag `format`", "it has ignoreCase, timeZone");
    rule_said("ColumnValues \"a\" > 1 with threshold > 0.5 with «threshold» > 0.6", "`threshold` is here twice", "");
    rule_said("ColumnValues \"a\" > 1 with level = \"warn\" with «level» = \"warn\"", "`level` is here twice", "");
    rule_said("ColumnValues \"a\" > 1 with level = «\"info\"»", "there is no level \"info\"", "levels are \"warn\" and \"error\"");
    rule_said("«Mean» \"a\" > 1 with threshold > 0.5", "`Mean` has no `with threshold`", "it has no outcome for each row");
    rule_said(
        "«IsComplete» \"a\" with threshold > 0.5",
        "`IsComplete` has no `with threshold`",
        "`with mostly` is the share of rows that pass",
    );
    rule_said("«Mean» \"a\" > 1 with mostly > 0.5", "`Mean` has no `with mostly`", "it has no outcome for each row");
    rule_said("«ColumnValues» \"a\" > 1 with mostly > 0.5 with threshold > 0.5", "`threshold` and `mostly` say the same", "leave one out");
    rule_said(
        "CustomSql \"select 1\" «> 1» with threshold > 0.5",
        "`with threshold` is of rows, and this query is compared as a whole",
        "leave one out",
    );
    assert_said("Rules = [ ColumnValues \"a\" > 1 with threshold «]»", "expected a condition, found `]`", "write `with threshold > 0.9`");
    rule_said(
        "FileSize > 1 KB with exampleTag «in» [\"SAM\"]",
        "expected `=`, found `in`",
        "a tag is written `with exampleTag = \"value\"`",
    );
    rule_said(
        "FileSize > 1 with «\"a\"» = \"b\"",
        "expected the name of a tag, found the string \"a\"",
        "a tag is written `with name = \"value\"`, its name without quotes",
    );
}
