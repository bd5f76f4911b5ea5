//! Compiles the `.proto` files with a compiler written in Rust, so that no `protoc` is needed.

use std::{env, error::Error, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let files = ["lakegate/v1/common.proto", "lakegate/v1/fleet.proto", "lakegate/v1/lake.proto"];
    let descriptors = protox::compile(files, ["proto"])?;
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    fs::write(out.join("lakegate_v1.bin"), prost::Message::encode_to_vec(&descriptors))?;
    // Most outputs have none of these, and every message would be as large as one that has.
    let boxed = [
        ".lakegate.v1.TaskOutput.audit",
        ".lakegate.v1.TaskOutput.aside",
        ".lakegate.v1.Run.audit",
        ".lakegate.v1.Run.aside",
        ".lakegate.v1.Parcel.published",
    ];
    let configured = boxed.into_iter().fold(tonic_prost_build::configure(), |configured, path| configured.boxed(path));
    configured.compile_fds(descriptors)?;
    println!("cargo:rerun-if-changed=proto");
    Ok(())
}
