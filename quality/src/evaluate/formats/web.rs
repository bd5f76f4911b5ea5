//! Addresses: mail, hosts, URLs. What is in use, rather than all that the standards allow.

/// A name of a host: labels of letters, digits and inner hyphens.
pub(super) fn hostname(text: &str) -> bool {
    let text = text.strip_suffix('.').unwrap_or(text);
    !text.is_empty() && text.len() <= 253 && text.split('.').all(label)
}

fn label(label: &str) -> bool {
    !label.is_empty()
        && label.len() <= 63
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.chars().all(|character| character.is_alphanumeric() || character == '-')
}

/// `name@host.domain`, the name unquoted.
pub(super) fn email(text: &str) -> bool {
    let Some((name, host)) = text.rsplit_once('@') else { return false };
    let allowed = |character: char| character.is_alphanumeric() || "!#$%&'*+/=?^_`{|}~-.".contains(character);
    let name = !name.is_empty() && name.len() <= 64 && name.chars().all(allowed) && name.split('.').all(|part| !part.is_empty());
    let top = host.rsplit('.').next().unwrap_or_default();
    name && host.contains('.') && hostname(host) && !host.ends_with('.') && top.chars().count() >= 2 && top.chars().any(char::is_alphabetic)
}

/// `scheme://host`, maybe with user, port, path, query and fragment; of http, https, ftp, ftps, ws, wss.
pub(super) fn url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let known = ["http", "https", "ftp", "ftps", "ws", "wss"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    if !known || text.chars().any(|character| character.is_whitespace() || character.is_control() || "<>\"{}|\\^`".contains(character)) {
        return false;
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if let Some(rest) = host.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else { return false };
        return address.parse::<std::net::Ipv6Addr>().is_ok() && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port));
    }
    match host.split_once(':') {
        Some((host, port)) => hostname(host) && is_port(port),
        None => hostname(host),
    }
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}
