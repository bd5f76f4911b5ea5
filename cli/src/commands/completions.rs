//! `lakegate completions`: a script that lets a shell complete the command.

use clap::Args as ClapArgs;
use clap_complete::Shell;

use crate::{context::Context, error::Result};

#[derive(ClapArgs, Debug)]
#[command(
    after_help = "Bash: source <(lakegate completions bash)\nZsh:  lakegate completions zsh > \"${fpath[1]}/_lakegate\"\nFish: lakegate completions fish | source"
)]
pub(crate) struct Args {
    /// The shell.
    shell: Shell,
}

pub(crate) fn run(context: &Context, args: &Args) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut crate::grammar(), "lakegate", &mut script);
    context.out.raw(&script)
}
