//! Reads a lake project from its folder: `lakegate.yaml`, `pipelines/**/*.yaml` and the SQL files
//! they name. What the files mean is decided in the model; here they are only found and read.

mod folder;
mod rules;

use std::path::{Path, PathBuf};

use lakegate_model::{
    Pipeline,
    diagnostics::{Diagnostic, Place},
    pipeline::decode::{PipelineFile, decode},
    project::{
        Settings, Uses,
        decode::{SettingsSource, check_catalog, check_together, decode_settings},
    },
};

pub(crate) use lakegate_model::project::decode::Overrides;

use folder::{Folder, Unread};

/// The name of the settings file.
const SETTINGS: &str = "lakegate.yaml";
/// The folder of the pipeline files.
const PIPELINES: &str = "pipelines";

/// A lake project whose files are right.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Project {
    /// Its folder, absolute.
    pub(crate) dir: PathBuf,
    /// Its settings, with the environment and the overrides applied.
    pub(crate) settings: Settings,
    /// Its pipelines, each with its file relative to the project, in the files' order.
    pub(crate) pipelines: Vec<(PathBuf, Pipeline)>,
}

impl Project {
    /// What its pipelines use of the table catalog.
    pub(crate) fn uses(&self) -> Uses {
        Uses::of(&self.settings, self.pipelines.iter().map(|(_, pipeline)| pipeline))
    }
}

/// Reads the project in `dir`, with the settings of environment `env` and the overrides laid over
/// its file. Everything that is wrong with any of its files is returned at once.
pub(crate) fn load(dir: &Path, env: Option<&str>, overrides: &Overrides) -> Result<Project, Vec<Diagnostic>> {
    let folder = Folder::open(dir).map_err(|problem| vec![problem])?;
    let mut found = Vec::new();
    let settings = read_settings(&folder, env, overrides).map_err(|wrong| found.extend(wrong)).ok();
    let (files, wrong) = read_pipelines(&folder);
    found.extend(wrong);
    found.extend(check_together(&files));
    found.extend(rules::check(&files));
    found.extend(settings.iter().flat_map(|settings| check_catalog(&files, &settings.catalog)));
    match settings {
        Some(settings) if found.is_empty() => {
            let mut pipelines: Vec<_> = files.into_iter().filter_map(|file| Some((PathBuf::from(file.file), file.pipeline?))).collect();
            pipelines.iter_mut().for_each(|(_, pipeline)| rules::note_what_is_asked(pipeline));
            Ok(Project { dir: folder.path().to_owned(), settings, pipelines })
        }
        _ => Err(found),
    }
}

/// Reads the settings of the project in `dir` alone, whatever its pipeline files say.
pub(crate) fn settings(dir: &Path, env: Option<&str>, overrides: &Overrides) -> Result<Settings, Vec<Diagnostic>> {
    read_settings(&Folder::open(dir).map_err(|problem| vec![problem])?, env, overrides)
}

fn read_settings(folder: &Folder, env: Option<&str>, overrides: &Overrides) -> Result<Settings, Vec<Diagnostic>> {
    let text = match folder.text(SETTINGS) {
        Ok(text) => Some(text),
        Err(Unread::Missing) if folder.has_folder(PIPELINES) => None,
        Err(Unread::Missing) => {
            let message = format!("no lake project: the folder has neither `{SETTINGS}` nor `{PIPELINES}/`");
            let hint = "go to a project's folder, name it with --dir, or make one with `lakegate init`";
            return Err(vec![Diagnostic::new(Place::whole(folder.as_str()), message).hint(hint)]);
        }
        Err(Unread::Because(reason)) => return Err(vec![unreadable(SETTINGS, &reason)]),
    };
    decode_settings(SettingsSource { folder: folder.as_str(), file: SETTINGS, text: text.as_deref(), environment: env, overrides })
}

fn read_pipelines(folder: &Folder) -> (Vec<PipelineFile>, Vec<Diagnostic>) {
    let (mut files, mut found) = (Vec::new(), Vec::new());
    let (names, unlisted) = folder.files(PIPELINES, &[".yaml", ".yml"]);
    found.extend(unlisted.iter().map(|(path, reason)| unreadable(path, reason)));
    for name in names {
        let text = match folder.text(&name) {
            Ok(text) => text,
            Err(problem) => {
                found.push(unreadable(&name, &problem.to_string()));
                // What it would have said is unknown, and what others say of it is not to be held against them.
                files.push(decode(&name, "", folder).0);
                continue;
            }
        };
        let (file, wrong) = decode(&name, &text, folder);
        files.push(file);
        found.extend(wrong);
    }
    (files, found)
}

fn unreadable(file: &str, reason: &str) -> Diagnostic {
    Diagnostic::new(Place::whole(file), format!("can't be read: {reason}"))
}

#[cfg(test)]
mod tests;
