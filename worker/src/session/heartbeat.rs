//! What a heartbeat says.

use lakegate_proto::v1::{Heartbeat, worker_message::Message};

pub(super) fn heartbeat(busy_slots: usize) -> Message {
    Message::Heartbeat(Heartbeat { memory: resident_bytes(), busy_slots: u32::try_from(busy_slots).unwrap_or(u32::MAX) })
}

/// Resident bytes of this process; 0 where the system has no `/proc`.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kibibytes.unwrap_or(0) * 1024
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn a_process_has_some_memory() {
        assert!(super::resident_bytes() > 1 << 20);
    }
}
