//! What a number comes to: arithmetic, and functions over a history.

use super::Resolve;
use crate::language::ast::Number;
use crate::language::nearest;

/// Why an operand does not come to a number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// A function that there is none.
    #[error("there is no function `{0}`")]
    UnknownFunction(String),
    /// Several values where one is needed.
    #[error("`last({0})` is several values, and one is needed")]
    Several(usize),
    /// A function has arguments that it doesn't take.
    #[error("`{function}` takes {takes}")]
    Arguments {
        /// Which.
        function: &'static str,
        /// What it takes.
        takes: &'static str,
    },
    /// `NULL` in an expression.
    #[error("NULL is no number to reckon with")]
    Null,
}

impl EvalError {
    /// What to do about it; empty if the message says all there is.
    pub fn hint(&self) -> String {
        match self {
            EvalError::UnknownFunction(name) => match nearest(name, FUNCTIONS.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}", FUNCTIONS.join(", ")),
            },
            EvalError::Several(count) => format!("write `avg(last({count}))`, or another of median, max, min, sum, std"),
            EvalError::Arguments { .. } | EvalError::Null => String::new(),
        }
    }
}

const FUNCTIONS: &[&str] = &["last", "avg", "median", "max", "min", "sum", "std", "abs", "index"];

/// More than any history has that is kept.
const MAX_HISTORY: usize = 1_000_000;

/// One number, or earlier ones with the newest first.
enum Value {
    One(f64),
    Several { asked: usize, values: Vec<f64> },
}

impl Value {
    fn one(self) -> Result<f64, EvalError> {
        match self {
            Value::One(value) => Ok(value),
            Value::Several { asked, .. } => Err(EvalError::Several(asked)),
        }
    }

    fn all(self) -> Vec<f64> {
        match self {
            Value::One(value) => vec![value],
            Value::Several { values, .. } => values,
        }
    }
}

impl Number {
    /// What it comes to with a history; `None` for `NULL`.
    ///
    /// # Errors
    /// It does not come to one number.
    pub fn value(&self, resolve: &dyn Resolve) -> Result<Option<f64>, EvalError> {
        match self {
            Number::Null => Ok(None),
            number => evaluate(number, resolve)?.one().map(Some),
        }
    }
}

fn evaluate(number: &Number, resolve: &dyn Resolve) -> Result<Value, EvalError> {
    match number {
        Number::Literal(_, value) => Ok(Value::One(*value)),
        Number::Null => Err(EvalError::Null),
        Number::Bracketed(inner) => evaluate(inner, resolve),
        Number::Arithmetic(left, operator, right) => {
            let (left, right) = (evaluate(left, resolve)?.one()?, evaluate(right, resolve)?.one()?);
            Ok(Value::One(match operator {
                '+' => left + right,
                '-' => left - right,
                '*' => left * right,
                _ => left / right,
            }))
        }
        Number::Call(name, arguments) => call(name, arguments, resolve),
    }
}

fn call(name: &str, arguments: &[Number], resolve: &dyn Resolve) -> Result<Value, EvalError> {
    let reduce = |function, of: fn(Vec<f64>) -> f64| match arguments {
        // Without a history every aggregate is 0.
        [argument] => {
            evaluate(argument, resolve).map(Value::all).map(|values| if values.is_empty() { 0.0 } else { of(values) }).map(Value::One)
        }
        _ => Err(EvalError::Arguments { function, takes: "one argument, as `last(10)`" }),
    };
    match name {
        "last" => last(arguments, resolve),
        "avg" | "average" => reduce("avg", |values| mean(&values)),
        "median" => reduce("median", median),
        "max" => reduce("max", |values| values.into_iter().fold(f64::NEG_INFINITY, f64::max)),
        "min" => reduce("min", |values| values.into_iter().fold(f64::INFINITY, f64::min)),
        "sum" => reduce("sum", |values| values.into_iter().sum()),
        "std" => reduce("std", deviation),
        "abs" => match arguments {
            [argument] => Ok(match evaluate(argument, resolve)? {
                Value::One(value) => Value::One(value.abs()),
                Value::Several { asked, values } => Value::Several { asked, values: values.into_iter().map(f64::abs).collect() },
            }),
            _ => Err(EvalError::Arguments { function: "abs", takes: "one argument" }),
        },
        "index" => index(arguments, resolve),
        _ => Err(EvalError::UnknownFunction(name.to_owned())),
    }
}

/// `last()` is the most recent value, `last(k)` the `k` most recent.
fn last(arguments: &[Number], resolve: &dyn Resolve) -> Result<Value, EvalError> {
    const WRONG: EvalError = EvalError::Arguments { function: "last", takes: "nothing, or how many values, from 1" };
    let asked = match arguments {
        [] => 1,
        [count] => whole(evaluate(count, resolve)?.one()?).filter(|count| *count > 0).ok_or(WRONG)?,
        _ => return Err(WRONG),
    };
    let values = resolve.last(asked.min(MAX_HISTORY));
    match asked {
        1 => Ok(Value::One(values.first().copied().unwrap_or(0.0))),
        _ => Ok(Value::Several { asked, values }),
    }
}

/// `index(last(7), 6)`: 0 is the most recent. There is no history so far back: 0.
fn index(arguments: &[Number], resolve: &dyn Resolve) -> Result<Value, EvalError> {
    const WRONG: EvalError = EvalError::Arguments { function: "index", takes: "earlier values and a place from 0, as `last(7), 6`" };
    let [values, place] = arguments else { return Err(WRONG) };
    let values = evaluate(values, resolve)?.all();
    let place = whole(evaluate(place, resolve)?.one()?).ok_or(WRONG)?;
    Ok(Value::One(values.get(place).copied().unwrap_or(0.0)))
}

/// A whole number that is not negative and that is exact as a float.
fn whole(value: f64) -> Option<usize> {
    const MOST: f64 = 9_007_199_254_740_992.0;
    (value.fract() == 0.0 && (0.0..=MOST).contains(&value)).then_some(value as usize)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match (values.len() % 2, values.get(middle), middle.checked_sub(1).and_then(|before| values.get(before))) {
        (0, Some(upper), Some(lower)) => f64::midpoint(*lower, *upper),
        (_, Some(value), _) => *value,
        _ => 0.0,
    }
}

/// Of the population, as `StandardDeviation` is.
fn deviation(values: Vec<f64>) -> f64 {
    let mean = mean(&values);
    (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
}
