//! An access line as text or JSON, written without a detour: there is one for every request.

use std::io::Write;

use config::LogFormat;
use gateway::AccessLine;
use time::OffsetDateTime;

/// Appends one access line.
pub(crate) fn write_access(out: &mut Vec<u8>, format: LogFormat, line: &AccessLine<'_>) {
    // Writing to a Vec cannot fail.
    let _ = match format {
        LogFormat::Text => text(out, line),
        LogFormat::Json => json(out, line),
    };
}

fn text(out: &mut Vec<u8>, line: &AccessLine<'_>) -> std::io::Result<()> {
    stamp(out, line.at)?;
    out.extend_from_slice(b"  INFO access listener=");
    out.extend_from_slice(line.listener.as_bytes());
    write!(out, " peer={} principal=", line.peer)?;
    word(out, line.principal.unwrap_or("-"))?;
    out.extend_from_slice(b" method=");
    out.extend_from_slice(line.method.as_bytes());
    out.extend_from_slice(b" path=");
    word(out, shortened(line.path))?;
    let micros = line.took.as_micros();
    write!(out, " http={} status={} bytes={} us={micros}", line.version, line.status, line.bytes)?;
    if let Some((code, id)) = line.refusal {
        write!(out, " code={code} refusal={id}")?;
    }
    out.push(b'\n');
    Ok(())
}

fn json(out: &mut Vec<u8>, line: &AccessLine<'_>) -> std::io::Result<()> {
    out.extend_from_slice(b"{\"timestamp\":\"");
    stamp(out, line.at)?;
    out.extend_from_slice(b"\",\"level\":\"INFO\",\"message\":\"access\",\"listener\":");
    serde_json::to_writer(&mut *out, line.listener)?;
    write!(out, ",\"peer\":\"{}\",\"principal\":", line.peer)?;
    serde_json::to_writer(&mut *out, &line.principal)?;
    out.extend_from_slice(b",\"method\":");
    serde_json::to_writer(&mut *out, line.method)?;
    out.extend_from_slice(b",\"path\":");
    serde_json::to_writer(&mut *out, shortened(line.path))?;
    let micros = line.took.as_micros();
    write!(
        out,
        ",\"http\":\"{}\",\"status\":{},\"bytes\":{},\"us\":{micros}",
        line.version, line.status, line.bytes
    )?;
    if let Some((code, id)) = line.refusal {
        write!(out, ",\"code\":\"{code}\",\"refusal\":\"{id}\"")?;
    }
    out.extend_from_slice(b"}\n");
    Ok(())
}

/// RFC 3339 with microseconds, UTC.
fn stamp(out: &mut Vec<u8>, at: OffsetDateTime) -> std::io::Result<()> {
    let (date, (hour, minute, second, micro)) = (at.date(), at.time().as_hms_micro());
    let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
    write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micro:06}Z")
}

/// A value that cannot break the line: quoted unless it is plain.
fn word(out: &mut Vec<u8>, value: &str) -> std::io::Result<()> {
    let plain = !value.is_empty() && value.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'=');
    match plain {
        true => out.write_all(value.as_bytes()),
        false => write!(out, "{value:?}"),
    }
}

/// What a stranger sends as a path does not fill the disk.
fn shortened(path: &str) -> &str {
    path.get(..LONGEST_PATH).unwrap_or(path)
}

const LONGEST_PATH: usize = 512;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use config::LogFormat;
    use fault::Code;
    use gateway::{AccessLine, RefusalId};
    use time::macros::datetime;

    use super::write_access;

    fn line() -> AccessLine<'static> {
        AccessLine {
            at: datetime!(2026-01-02 03:04:05.000_006 UTC),
            listener: "h2",
            peer: "127.0.0.1:9".parse().unwrap(),
            principal: Some("a b"),
            method: "POST",
            path: "/app/query",
            version: "1.1",
            status: 200,
            bytes: 17,
            took: Duration::from_micros(12),
            refusal: None,
        }
    }

    fn written(format: LogFormat, line: &AccessLine<'_>) -> String {
        let mut out = Vec::new();
        write_access(&mut out, format, line);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_access_line_reads_the_same_in_text_and_json() {
        assert_eq!(
            written(LogFormat::Text, &line()),
            "2026-01-02T03:04:05.000006Z  INFO access listener=h2 peer=127.0.0.1:9 principal=\"a b\" method=POST \
             path=/app/query http=1.1 status=200 bytes=17 us=12\n"
        );
        let json: serde_json::Value = serde_json::from_str(&written(LogFormat::Json, &line())).unwrap();
        assert_eq!(json["principal"], "a b");
        assert_eq!(json["timestamp"], "2026-01-02T03:04:05.000006Z");
    }

    #[test]
    fn nothing_a_peer_sends_breaks_a_line() {
        let mut hostile = line();
        hostile.principal = Some("x\n2026 forged");
        hostile.refusal = Some((Code::NoGrant, RefusalId::draw()));
        for format in [LogFormat::Text, LogFormat::Json] {
            assert_eq!(written(format, &hostile).matches('\n').count(), 1);
        }
    }
}
