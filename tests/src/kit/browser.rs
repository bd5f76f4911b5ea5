//! Chromium without a window, for what only a browser can tell of a page.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use super::{lake::PATIENCE, process::Process};

/// What a person's screen is like.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    /// How wide a page is, in CSS pixels.
    pub width: u32,
    /// Whether the person prefers dark pages.
    pub is_dark: bool,
}

/// The page as the browser has it once its own script has run, and what the browser had to say meanwhile.
pub fn shown(page: &Path) -> (String, String) {
    let said = page.with_extension("log");
    let document = browse(page, &said, false);
    (document, fs::read_to_string(said).expect("the browser has a log"))
}

/// What an expression of JavaScript is on a page that is loaded. The page's own policy is taken
/// out for it, which would let no other script run.
///
/// # Panics
/// If the browser gives no answer.
pub fn ask(page: &Path, screen: Screen, expression: &str) -> Value {
    let text = fs::read_to_string(page).expect("the page can be read");
    let begin = text.find("<meta http-equiv=\"Content-Security-Policy\"").expect("the page has a policy");
    let end = begin + text[begin..].find('>').expect("a tag has an end") + 1;
    let script =
        format!("<script>addEventListener('load', function () {{ parent.postMessage(JSON.stringify({expression}), '*'); }});</script>");
    let asked = format!("{}{}{script}", &text[..begin], &text[end..]);
    let (inner, outer) = (page.with_extension("asked.html"), page.with_extension("asking.html"));
    fs::write(&inner, asked).expect("the folder can be written");
    // No window is as narrow as a telephone: the page is in a frame that is.
    let name = inner.file_name().and_then(|name| name.to_str()).expect("the name is UTF-8");
    let frame = format!(
        "<!DOCTYPE html><meta charset=\"utf-8\"><title></title><script>addEventListener('message', function (said) {{ document.title = said.data; }});\
         </script><iframe src=\"{name}\" style=\"width:{}px;height:900px;border:0\"></iframe>",
        screen.width
    );
    fs::write(&outer, frame).expect("the folder can be written");
    let document = browse(&outer, &page.with_extension("log"), screen.is_dark);
    let title = document.split("<title>").nth(1).and_then(|rest| rest.split("</title>").next()).unwrap_or_default();
    let title = title.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    serde_json::from_str(&title).unwrap_or_else(|error| panic!("{error}: the browser answers {title:?}"))
}

/// The document as it is once its scripts have run.
fn browse(page: &Path, log: &Path, is_dark: bool) -> String {
    let profile = tempfile::tempdir().expect("a scratch folder");
    let out = page.with_extension("dom");
    let mut command = Command::new("sh");
    // The process kit has one file for both outputs; the document must come alone.
    command.args(["-c", "exec \"$@\" > \"$0\""]).arg(&out).arg(chromium());
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--enable-logging=stderr"]);
    command.args(["--window-size=1400,1000", "--virtual-time-budget=2000", "--dump-dom"]);
    command.arg(format!("--user-data-dir={}", profile.path().display()));
    command.arg(format!("--blink-settings=preferredColorScheme={}", if is_dark { 0 } else { 1 }));
    command.arg(format!("file://{}", page.display())).stdin(Stdio::null());
    // What an earlier page left there is not this one's.
    let _ = fs::remove_file(log);
    let status = Process::start("chromium", &mut command, log.to_owned()).wait(PATIENCE);
    assert!(status.success(), "chromium failed: {status}");
    fs::read_to_string(out).expect("the browser gives the document")
}

/// The browser of this machine: `LAKEGATE_TEST_CHROMIUM`, or one of its usual names.
///
/// # Panics
/// If there is none.
fn chromium() -> PathBuf {
    if let Some(path) = env::var_os("LAKEGATE_TEST_CHROMIUM") {
        return PathBuf::from(path);
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let found = names.iter().find_map(|name| env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file()));
    found.expect("no Chromium here: install it, or set LAKEGATE_TEST_CHROMIUM")
}
