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
    stamp(out, line.at);
    put(out, "  INFO access listener=");
    word(out, line.listener)?;
    put(out, " peer=");
    put(out, line.peer);
    put(out, " principal=");
    word(out, line.principal.unwrap_or("-"))?;
    put(out, " method=");
    put(out, line.method);
    put(out, " path=");
    word(out, shortened(line.path))?;
    put(out, " http=");
    put(out, line.version);
    put(out, " status=");
    number(out, line.status);
    put(out, " bytes=");
    number(out, line.bytes);
    put(out, " us=");
    number(out, line.took.as_micros());
    if let Some((code, id)) = line.refusal {
        write!(out, " code={code} refusal={id}")?;
    }
    put(out, "\n");
    Ok(())
}

fn json(out: &mut Vec<u8>, line: &AccessLine<'_>) -> std::io::Result<()> {
    put(out, "{\"timestamp\":\"");
    stamp(out, line.at);
    put(out, "\",\"level\":\"INFO\",\"message\":\"access\",\"listener\":");
    serde_json::to_writer(&mut *out, line.listener)?;
    put(out, ",\"peer\":\"");
    put(out, line.peer);
    put(out, "\",\"principal\":");
    serde_json::to_writer(&mut *out, &line.principal)?;
    put(out, ",\"method\":");
    serde_json::to_writer(&mut *out, line.method)?;
    put(out, ",\"path\":");
    serde_json::to_writer(&mut *out, shortened(line.path))?;
    put(out, ",\"http\":\"");
    put(out, line.version);
    put(out, "\",\"status\":");
    number(out, line.status);
    put(out, ",\"bytes\":");
    number(out, line.bytes);
    put(out, ",\"us\":");
    number(out, line.took.as_micros());
    if let Some((code, id)) = line.refusal {
        write!(out, ",\"code\":\"{code}\",\"refusal\":\"{id}\"")?;
    }
    put(out, "}\n");
    Ok(())
}

fn put(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

fn number(out: &mut Vec<u8>, number: impl itoa::Integer) {
    put(out, itoa::Buffer::new().format(number));
}

/// RFC 3339 with microseconds, UTC; digit by digit, because the formatting machinery costs more than the rest of the
/// line.
fn stamp(out: &mut Vec<u8>, at: OffsetDateTime) {
    let (date, (hour, minute, second, micro)) = (at.date(), at.time().as_hms_micro());
    digits(out, 4, date.year().unsigned_abs());
    put(out, "-");
    digits(out, 2, u32::from(u8::from(date.month())));
    put(out, "-");
    digits(out, 2, u32::from(date.day()));
    put(out, "T");
    digits(out, 2, u32::from(hour));
    put(out, ":");
    digits(out, 2, u32::from(minute));
    put(out, ":");
    digits(out, 2, u32::from(second));
    put(out, ".");
    digits(out, 6, micro);
    put(out, "Z");
}

/// The number with at least `width` digits.
fn digits(out: &mut Vec<u8>, width: usize, number: u32) {
    let mut buffer = itoa::Buffer::new();
    let text = buffer.format(number);
    for _ in text.len()..width {
        out.push(b'0');
    }
    put(out, text);
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
            peer: "127.0.0.1:9",
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
