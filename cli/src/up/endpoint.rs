//! The file that tells other commands where the project's coordinator listens.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
};

use lakegate_model::Failure;

use crate::{error::at_path, lake::endpoint_file};

/// The endpoint, written for as long as this lives.
pub(crate) struct EndpointFile {
    path: PathBuf,
}

impl EndpointFile {
    /// Writes the endpoint whole, so that nobody reads half of it.
    pub(crate) fn write(project: &Path, endpoint: &str) -> Result<EndpointFile, Failure> {
        let path = endpoint_file(project);
        let temporary = path.with_extension("tmp");
        let failed = |error: &std::io::Error| at_path(&path, "write", error);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| failed(&error))?;
        }
        fs::write(&temporary, format!("{endpoint}\n")).map_err(|error| failed(&error))?;
        fs::rename(&temporary, &path).map_err(|error| failed(&error))?;
        Ok(EndpointFile { path })
    }
}

impl Drop for EndpointFile {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!(path = %self.path.display(), %error, "the endpoint file stays; whoever reads it finds nobody there");
        }
    }
}

/// What a process of this machine calls to reach a coordinator that listens there: one that
/// listens on every address is reached on loopback.
pub(crate) fn endpoint_of(address: SocketAddr) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}
