//! The report of `lakegate quality run -o html` as those read it who have only the file.

use std::{fs, path::PathBuf, process::Command};

use lakegate_tests::kit::{
    Lake,
    browser::{self, Screen},
    python::python_with,
};
use serde_json::{Value, json};

/// People with values that would be markup, and one that is none at all.
const PEOPLE: &str =
    "id,name,country,age\n1,<script>alert(1)</script>,GB,36\n2,\"</td></table><b>Bo & \"\"Co\"\"\",SE,\n3,,XX,41\n4,Di,SE,29\n";

const RULES: &str = "Rules = [
    RowCount between 1 and 10, IsUnique \"id\", IsComplete \"age\", ColumnValues \"country\" in [\"GB\", \"SE\"],
    ColumnValues \"name\" != \"<script>alert(1)</script>\", ColumnExists \"gate\", Mean \"age\" < 30 with level = \"warn\"
]";

/// A report with everything in it.
fn report(lake: &Lake) -> PathBuf {
    lake.file("people.csv", PEOPLE).file("people.dqdl", RULES);
    let path = |name: &str| lake.dir().join(name).to_str().unwrap().to_owned();
    let (rules, data, history) = (path("people.dqdl"), path("people.csv"), path("history.json"));
    let arguments = ["quality", "run", "--rules", &rules, "--data", &data, "--history", &history, "-o", "html"];
    lake.run(&arguments).expect_code(1);
    let told = lake.run(&arguments).expect_code(1);
    assert_eq!(told.stderr, "");
    let page = lake.dir().join("report.html");
    fs::write(&page, told.stdout).unwrap();
    page
}

#[test]
fn it_is_html_without_mistakes() {
    let lake = Lake::new();
    let page = report(&lake);
    // The parser of the standard, which in strict mode forgives nothing.
    let script = "
import collections, html5lib, json, sys
parser = html5lib.HTMLParser(strict=True, tree=html5lib.getTreeBuilder('etree'))
root = parser.parse(open(sys.argv[1], encoding='utf-8').read())
tags = collections.Counter(str(element.tag).rpartition('}')[2] for element in root.iter())
ids = [element.get('id') for element in root.iter() if element.get('id')]
words = ' '.join(root.itertext())
print(json.dumps({'tags': tags, 'ids': sorted(ids), 'alert': '<script>alert(1)</script>' in words}))
";
    let python = python_with("html5lib", &["html5lib==1.1"]);
    let output = Command::new(python).args(["-c", script]).arg(&page).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read: Value = serde_json::from_slice(&output.stdout).unwrap();
    let count = |tag: &str| read["tags"][tag].as_u64().unwrap_or(0);
    assert_eq!((count("script"), count("table"), count("h1")), (1, 1, 1), "what the data says is no element");
    assert!(read["alert"].as_bool().unwrap(), "what the data says is there as text");
    assert_eq!(read["ids"], json!(["columns", "failing", "found", "query", "rules", "trends"]));
}

/// Run by `.ci/run`, which gets a browser.
#[test]
#[ignore = "needs Chromium"]
fn a_browser_shows_it() {
    let lake = Lake::new();
    let page = report(&lake);
    let (document, said) = browser::shown(&page);
    assert!(document.contains("<html lang=\"en\" class=\"js\">"), "its policy lets its script run");
    assert!(!said.contains("Content Security Policy") && !said.contains("Uncaught"), "{said}");

    let question = "(function () {
        var query = document.getElementById('query'), page = document.documentElement;
        var seen = function (what) { return Array.prototype.filter.call(document.querySelectorAll(what), function (e) { return e.getClientRects().length > 0; }); };
        var found = function (text) { query.value = text; query.dispatchEvent(new Event('input')); return seen('.rule').length; };
        var outside = seen('main *, header *, .hero *').filter(function (e) {
            return !e.closest('.scroll') && !e.closest('.search label') && e.getBoundingClientRect().right > page.clientWidth + 1;
        });
        return {
            wide: page.scrollWidth > page.clientWidth,
            outside: outside.slice(0, 3).map(function (e) { return e.outerHTML.slice(0, 80); }),
            dark: getComputedStyle(document.body).backgroundColor,
            rules: found(''), age: found('age'), two: found('mean AGE'), none: found('nothing like it'),
            all: found(''),
            plots: seen('svg.plot').filter(function (e) { return e.getBoundingClientRect().width < 100; }).length,
            alerts: document.querySelectorAll('main script').length
        };
    })()";
    let mut backgrounds = Vec::new();
    for (width, is_dark) in [(1280, false), (1280, true), (400, false), (400, true), (320, false)] {
        let told = browser::ask(&page, Screen { width, is_dark }, question);
        assert_eq!((&told["wide"], &told["outside"]), (&json!(false), &json!([])), "{width}: {told}");
        assert_eq!((&told["plots"], &told["alerts"]), (&json!(0), &json!(0)), "{width}: {told}");
        let found = ["rules", "age", "two", "none", "all"].map(|key| told[key].as_u64().unwrap());
        assert_eq!(found, [7, 2, 1, 0, 7], "{told}");
        backgrounds.push(told["dark"].as_str().unwrap().to_owned());
    }
    assert_ne!(backgrounds[0], backgrounds[1], "light and dark");
    assert_eq!(backgrounds[0], backgrounds[2]);
}
