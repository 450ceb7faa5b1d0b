use super::*;
use crate::cli::args::OfStandbys;

fn read(url: &str) -> Result<(Vec<PgConnectOptions>, Option<Duration>), ConfigError> {
    with_variables(url, &[])
}

fn with_variables(
    url: &str,
    variables: &[(&str, &str)],
) -> Result<(Vec<PgConnectOptions>, Option<Duration>), ConfigError> {
    DatabaseUrl(url.to_owned()).read(Purpose::Write, |name| {
        let given = variables.iter().find(|(variable, _)| *variable == name);
        given.map(|(_, value)| (*value).to_owned())
    })
}

/// The hosts of a URL, as `host:port`.
fn hosts(url: &str) -> String {
    let (nodes, _) = read(url).unwrap_or_else(|error| panic!("{url}: {error:?}"));
    let host = |node: &PgConnectOptions| match node.get_socket() {
        Some(socket) => format!("{}:{}", socket.display(), node.get_port()),
        None => format!("{}:{}", node.get_host(), node.get_port()),
    };
    nodes.iter().map(host).collect::<Vec<_>>().join(" ")
}

#[test]
fn hosts_are_read_as_libpq_reads_them() {
    for (url, expected) in [
        ("postgres://a/d", "a:5432"),
        ("postgresql://a:1/d", "a:1"),
        ("postgres://a,b:5433/d", "a:5432 b:5433"),
        ("postgres://u:p@a:1,b:2/d?sslmode=disable", "a:1 b:2"),
        ("postgres://a,b/d?port=6000", "a:6000 b:6000"),
        ("postgres://a,b/d?port=1,2", "a:1 b:2"),
        ("postgres://h:5433/d?host=b,c", "b:5433 c:5433"),
        ("postgres://u@/d?host=/tmp,b&port=1,2", "/tmp:1 b:2"),
        ("postgres://%2Frun%2Fpg,%2Ftmp:7/d", "/run/pg:5432 /tmp:7"),
        ("postgres://[::1]:1,[fe80::1]/d", "::1:1 fe80::1:5432"),
        (
            "postgres://h,i/d?hostaddr=127.0.0.1,::1&port=1",
            "127.0.0.1:1 ::1:1",
        ),
        ("postgres://a:/d?", "a:5432"),
    ] {
        assert_eq!(hosts(url), expected, "{url}");
    }
}

#[test]
fn every_host_has_the_other_parts_of_the_url() {
    let (nodes, _) = read("postgres://us%40er:p@a,b/da%20ta?sslmode=require").expect("a URL");
    for node in nodes {
        assert_eq!(node.get_username(), "us@er");
        assert_eq!(node.get_database(), Some("da ta"));
        assert!(matches!(node.get_ssl_mode(), PgSslMode::Require));
    }
}

#[test]
fn parameters_of_libpq_are_accepted_or_refused_with_the_reason() {
    let timeout = |value: &str| {
        read(&format!("postgres://h/d?connect_timeout={value}"))
            .expect("a URL")
            .1
    };
    assert_eq!(timeout("0"), None);
    assert_eq!(timeout("-1"), None);
    assert_eq!(timeout("1"), Some(Duration::from_secs(2)));
    assert_eq!(timeout("10"), Some(Duration::from_secs(10)));
    for accepted in [
        "target_session_attrs=read-write",
        "target_session_attrs=primary",
        "target_session_attrs=any",
        "load_balance_hosts=random",
        "keepalives=1&keepalives_idle=5&keepalives_interval=1&keepalives_count=3&tcp_user_timeout=3000",
        "sslpassword=hunter2",
    ] {
        assert!(
            read(&format!("postgres://h,i/d?{accepted}")).is_ok(),
            "{accepted}"
        );
    }
    for (refused, named) in [
        ("postgres://h/d?target_session_attrs=standby", "takes writes"),
        (
            "postgres://h/d?target_session_attrs=prefer-standby",
            "takes writes",
        ),
        ("postgres://h/d?target_session_attrs=read-only", "takes writes"),
        (
            "postgres://h/d?target_session_attrs=hunter2",
            "target_session_attrs",
        ),
        ("postgres://h/d?load_balance_hosts=hunter2", "load_balance_hosts"),
        ("postgres://h/d?connect_timeout=hunter2", "connect_timeout"),
        ("postgres://h/d?keepalives=", "keepalives"),
        ("postgres://h/d?tcp_user_timeout=1s", "tcp_user_timeout"),
        ("postgres://a,b,c/d?port=1,2", "one for each"),
        ("postgres://a,b/d?host=c", "one for each"),
        ("postgres://a,b/d?hostaddr=::1", "hostaddr"),
        ("postgres://u:hunter2@a,b:0/d", "65535"),
        ("postgres://u:hunter2@a,b:65536/d", "65535"),
        ("postgres://u:hunter2@[::1/d", "brackets"),
        ("postgres://u:hunter2@[::1]x/d", "brackets"),
        ("postgres://h/d?sslmode=hunter2", "verify-full"),
    ] {
        let error = read(refused).expect_err(refused).to_string();
        assert!(
            error.contains(named) && !error.contains("hunter2"),
            "{refused}: {error}"
        );
    }
}

#[test]
fn a_url_for_reads_names_standbys() {
    let read = |url: &str| {
        let of_primary = |name: &str| match name {
            "PGHOST" | "PGHOSTADDR" => Some("primary".to_owned()),
            "PGPORT" => Some("6000".to_owned()),
            "PGTARGETSESSIONATTRS" => Some("read-write".to_owned()),
            "PGSSLMODE" => Some("require".to_owned()),
            _ => None,
        };
        DatabaseUrl(url.to_owned()).read(Purpose::Read, of_primary)
    };
    for attrs in ["any", "read-only", "standby", "prefer-standby"] {
        let (nodes, _) = read(&format!("postgres://a,b/d?target_session_attrs={attrs}")).expect("a URL");
        assert_eq!((nodes[1].get_host(), nodes[1].get_port()), ("b", 5432));
        assert!(matches!(nodes[1].get_ssl_mode(), PgSslMode::Require));
    }
    for attrs in ["read-write", "primary", ""] {
        let error = read(&format!("postgres://a/d?target_session_attrs={attrs}")).expect_err(attrs);
        let error = ConfigError::from(OfStandbys::from(error)).to_string();
        let expected =
            "the target_session_attrs of READ_DATABASE_URL (or --read-database-url) must be read-only";
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn a_raw_character_in_the_password_is_named() {
    for (url, character) in [
        ("postgres://u:hunter#2@h/d", "\"#\" in a password as %23"),
        ("postgres://u:1#2@h/d", "%23"),
        ("postgres://u:p@h/d?password=hunter#2", "%23"),
        ("postgres://u:hunter/2@h/d", "%2F"),
        ("postgres://u:12/34@h/d", "%2F"),
        ("postgres://u:h@u/n@h/d", "%2F"),
        ("postgres://u:hunter/2?3@h/d", "%2F"),
        ("postgres://u:hunter?2@h/d", "%3F"),
        ("postgres://u:12?hunter2@h/d", "%3F"),
        ("postgres://u:hunter?2=3@h/d", "%3F"),
        ("postgres://u:hunter?user=3@h/d", "%3F"),
        ("postgres://u:hunter2%ff@h/d", "%25"),
    ] {
        let error = read(url).expect_err(url).to_string();
        assert!(error.contains(character), "{url}: {error}");
        assert!(!error.contains("hunter"), "{error}");
    }
    // These end nothing.
    for (url, user) in [
        ("postgres://u:p@ss:w[o]r%d@h/d", "u"),
        ("postgres:///d?user=u@v&password=p@q&host=h", "u@v"),
        ("postgres://h:5432/d?user=u@v", "u@v"),
        ("postgres://[::1]/d?user=u@v&host=h", "u@v"),
    ] {
        let (nodes, _) = read(url).unwrap_or_else(|error| panic!("{url}: {error}"));
        assert_eq!(
            (nodes[0].get_host(), nodes[0].get_username()),
            ("h", user),
            "{url}"
        );
    }
}

#[test]
fn variables_of_libpq_supply_what_the_url_lacks() {
    let all = [
        ("PGHOST", "a,b"),
        ("PGPORT", "1,2"),
        ("PGSSLMODE", "require"),
        ("PGCONNECT_TIMEOUT", "7"),
        ("PGTARGETSESSIONATTRS", "read-write"),
        ("PGSERVICE", "ignored"),
    ];
    let (nodes, timeout) = with_variables("postgres://", &all).expect("variables");
    let hosts: Vec<_> = nodes
        .iter()
        .map(|node| (node.get_host(), node.get_port()))
        .collect();
    assert_eq!(hosts, [("a", 1), ("b", 2)]);
    assert!(matches!(nodes[1].get_ssl_mode(), PgSslMode::Require));
    assert_eq!(timeout, Some(Duration::from_secs(7)));
    let url = "postgres://h:3/d?sslmode=disable&connect_timeout=9";
    let (nodes, timeout) = with_variables(url, &all).expect("a URL");
    assert_eq!(
        (nodes.len(), nodes[0].get_host(), nodes[0].get_port()),
        (1, "h", 3)
    );
    assert!(matches!(nodes[0].get_ssl_mode(), PgSslMode::Disable));
    assert_eq!(timeout, Some(Duration::from_secs(9)));
    let (nodes, _) = with_variables("postgres://h,i/d", &[("PGPORT", "6000")]).expect("a URL");
    assert_eq!((nodes[0].get_port(), nodes[1].get_port()), (6000, 6000));
    for (wrong, named) in [
        (("PGSSLMODE", "on"), "PGSSLMODE must be disable"),
        (("PGPORT", "x"), "PGPORT must be a number"),
        (
            ("PGCONNECT_TIMEOUT", "2s"),
            "PGCONNECT_TIMEOUT must be an integer",
        ),
        (
            ("PGTARGETSESSIONATTRS", "standby"),
            "PGTARGETSESSIONATTRS must be read-write",
        ),
        (("PGSSLCERT", "/no/where"), "sslcert"),
    ] {
        let error = with_variables("postgres://", &[wrong])
            .expect_err(named)
            .to_string();
        assert!(error.contains(named), "{error}");
    }
}

#[test]
fn tls_files_must_be_readable_and_in_use() {
    let options = |parameters: &str| read(&format!("postgres://h/d?{parameters}"));
    for given in ["sslrootcert", "ssl-ca", "sslcert", "sslkey"] {
        let missing = options(&format!("sslmode=verify-full&{given}=/no/where"));
        assert!(matches!(missing, Err(ConfigError::DatabaseFile { parameter, .. }) if parameter == given));
    }
    assert!(options("sslmode=verify-full&sslrootcert=/").is_ok());
    assert!(options("sslmode=verify-ca&sslrootcert=-----BEGIN%20CERTIFICATE-----").is_ok());
    for unchecked in ["sslrootcert=/", "ssl-ca=/&sslmode=require"] {
        assert!(
            matches!(options(unchecked), Err(ConfigError::CertificateUnchecked)),
            "{unchecked}"
        );
    }
}

#[test]
fn other_urls_are_refused_without_repeating_them() {
    let error = |url: &str| read(url).err().map(|error| error.to_string());
    assert_eq!(error("postgres://u:hunter2@h/d"), None);
    for url in [
        "mysql://u:hunter2@h/d",
        "u:hunter2@h",
        "postgres://u:hunter2@h:port/d",
    ] {
        let error = error(url).expect("an error");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
