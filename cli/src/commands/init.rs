//! `lakegate init`: a lake project that works, to change into one's own.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clap::Args as ClapArgs;
use serde::Serialize;

use crate::{
    context::Context,
    error::{CliError, Result, at_path},
};

/// The files of a new project.
const FILES: &[(&str, &str)] = &[
    ("lakegate.yaml", include_str!("../../template/lakegate.yaml")),
    ("pipelines/orders.yaml", include_str!("../../template/pipelines/orders.yaml")),
    ("transforms/clean.sql", include_str!("../../template/transforms/clean.sql")),
    ("transforms/daily.sql", include_str!("../../template/transforms/daily.sql")),
    ("samples/shop/orders/2026-01.csv", include_str!("../../template/samples/shop/orders/2026-01.csv")),
    ("README.md", include_str!("../../template/README.md")),
    (".gitignore", include_str!("../../template/gitignore")),
];
/// Where the sample belongs, so that copying it there works before the lake first runs.
const LANDING: &str = "lake/raw/shop/orders";

#[derive(ClapArgs, Debug)]
pub(crate) struct Args {
    /// The folder; made if it is not there. Default: the one given by --dir, or where you are.
    #[arg(value_name = "DIR")]
    target: Option<PathBuf>,
    /// Also in a folder that is not empty. Files that are there stay as they are.
    #[arg(long)]
    force: bool,
}

/// What a program is told.
#[derive(Serialize)]
struct Made {
    dir: String,
    created: Vec<&'static str>,
    kept: Vec<&'static str>,
}

pub(crate) fn run(context: &Context, args: &Args) -> Result<()> {
    let dir = args.target.as_ref().unwrap_or(&context.global.dir);
    refuse_unless_empty(dir, args.force)?;
    let mut made = Made { dir: dir.display().to_string(), created: Vec::new(), kept: Vec::new() };
    for (path, text) in FILES {
        if create(&dir.join(path), text)? { made.created.push(path) } else { made.kept.push(path) }
    }
    let landing = dir.join(LANDING);
    fs::create_dir_all(&landing).map_err(|error| at_path(&landing, "make the folder", &error))?;
    context.out.answer(&made, text)
}

fn refuse_unless_empty(dir: &Path, force: bool) -> Result<()> {
    match fs::read_dir(dir) {
        Ok(mut entries) => match entries.next() {
            Some(_) if !force => {
                let text = format!("{} is not empty", dir.display());
                Err(CliError::wrong(
                    text,
                    "name a new folder, or pass --force to add what is missing; files that are there stay as they are",
                ))
            }
            _ => Ok(()),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(CliError::wrong(format!("{} can't be a lake project: {error}", dir.display()), "name a new folder")),
    }
}

/// Makes a file unless there is one: says whether it did.
fn create(path: &Path, text: &str) -> Result<bool> {
    let failed = |error: &io::Error| CliError::from(at_path(path, "write", error));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    }
    match fs::OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => io::Write::write_all(&mut file, text.as_bytes()).map(|()| true).map_err(|error| failed(&error)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(failed(&error)),
    }
}

fn text(made: &Made) -> String {
    let created: String = made.created.iter().map(|path| format!("  {path}\n")).collect();
    let kept: String = made.kept.iter().map(|path| format!("  {path} (was there; kept)\n")).collect();
    let enter = if made.dir == "." { String::new() } else { format!("  cd {}\n", made.dir) };
    format!(
        "A lake project in {}:\n{created}{kept}\nNext:\n{enter}  lakegate up\n  cp samples/shop/orders/2026-01.csv lake/raw/shop/orders/     # in another terminal\n  lakegate table get shop.orders_daily --preview 10             # a minute later",
        made.dir
    )
}
