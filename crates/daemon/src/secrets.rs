//! Passwords, read where they are kept at the moment they are needed.

use std::io::Read;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use config::{SecretKept, SecretPlan};
use fault::Fault;
use identity::Secret;
use rustix::process::{Pid, Signal, kill_process_group};
use zeroize::Zeroizing;

/// Reads a secret.
///
/// # Errors
/// It cannot be had, or is none; the fault names where it was looked for, and never what was found.
pub(crate) fn read(written: &SecretPlan) -> Result<Secret, Fault> {
    match &written.kept {
        SecretKept::Given { secret, .. } => Ok(secret.clone()),
        SecretKept::File(path) => files::load_password(path),
        SecretKept::Command { command, timeout } => printed(&written.written, command, *timeout),
    }
}

/// What a program prints, without its last line end. What it says beside that is not shown: it could be the secret too.
fn printed(written: &str, command: &[String], timeout: Duration) -> Result<Secret, Fault> {
    let (Some(program), arguments) = (command.first(), command.get(1..).unwrap_or_default()) else {
        return Err(Fault::ours(format!("the secret {written:?} has no program")));
    };
    let failed = |what: &str| {
        Fault::theirs(format!("the secret {written:?}: {program} {what}"))
            .remedy(format!("run it as this node's user: {}", command.join(" ")))
    };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(|error| failed("cannot be started").because(error))?;
    let output = output(&mut child, timeout);
    let status = reap(&mut child);
    let bytes = output.map_err(|what| failed(&what))?;
    match status {
        Ok(status) if status.success() => {}
        Ok(status) => return Err(failed(&format!("failed ({status})"))),
        Err(error) => return Err(failed("cannot be waited for").because(error)),
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| failed("prints what is no text"))?;
    let line = text.strip_suffix('\n').unwrap_or(text);
    match line.strip_suffix('\r').unwrap_or(line) {
        "" => Err(failed("prints nothing")),
        secret => Ok(Secret::new(secret.to_owned())),
    }
}

/// Everything that it prints, until it has closed its output. Where that takes too long, it is ended with all that it began.
fn output(child: &mut Child, timeout: Duration) -> Result<Zeroizing<Vec<u8>>, String> {
    let Some(mut pipe) = child.stdout.take() else { return Err("has no output".to_owned()) };
    let (tell, told) = mpsc::sync_channel(1);
    let began = Instant::now();
    thread::spawn(move || {
        let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
        let read = (&mut pipe).take(MOST + 1).read_to_end(&mut bytes);
        // Nobody may be waiting any longer.
        let _ = tell.send(read.map(|_| bytes));
    });
    let outcome = told.recv_timeout(timeout);
    if !matches!(&outcome, Ok(Ok(bytes)) if bytes.len() as u64 <= MOST && is_over(child, timeout, began)) {
        end(child);
    }
    match outcome {
        Ok(Ok(bytes)) if bytes.len() as u64 > MOST => Err("prints too much for a secret".to_owned()),
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => Err(format!("cannot be read: {error}")),
        Err(_) => Err(format!("has not finished within {} ms", timeout.as_millis())),
    }
}

/// Whether a program that has said everything also ends in its time.
fn is_over(child: &mut Child, timeout: Duration, began: Instant) -> bool {
    while began.elapsed() < timeout {
        match child.try_wait() {
            Ok(None) => thread::sleep(Duration::from_millis(2)),
            Ok(Some(_)) | Err(_) => return true,
        }
    }
    false
}

fn end(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // It may have ended by itself in between.
        let _ = kill_process_group(group, Signal::KILL);
    }
}

fn reap(child: &mut Child) -> std::io::Result<std::process::ExitStatus> {
    child.wait()
}

/// A password is a line.
const MOST: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use config::{SecretKept, SecretPlan};

    use super::read;

    fn command(words: &[&str]) -> SecretPlan {
        let command = words.iter().map(|word| (*word).to_owned()).collect();
        let kept = SecretKept::Command { command, timeout: Duration::from_millis(500) };
        SecretPlan { written: "pass:orders".to_owned(), kept }
    }

    #[test]
    fn a_secret_is_what_a_program_prints_without_its_last_line_end() {
        for (script, secret) in
            [("printf 'hunter2\\n'", "hunter2"), ("printf ' a b '", " a b "), ("printf 'x\\r\\n'", "x")]
        {
            let read = read(&command(&["sh", "-c", script, "name"])).unwrap();
            assert_eq!(read.expose(), secret.as_bytes());
        }
    }

    #[test]
    fn a_program_that_gives_no_secret_is_a_fault_that_tells_none() {
        for (script, words) in [
            ("exit 3", "failed (exit status: 3)"),
            ("echo hunter2; exit 1", "failed (exit status: 1)"),
            ("printf ''", "prints nothing"),
            ("printf '\\377'", "prints what is no text"),
            ("yes hunter2", "prints too much for a secret"),
            ("sleep 100", "has not finished within 500 ms"),
            ("echo hunter2; sleep 100", "has not finished within 500 ms"),
            ("exec 1>&-; echo hunter2 >&2; sleep 100", "failed"),
        ] {
            let began = Instant::now();
            let fault = read(&command(&["sh", "-c", script])).unwrap_err().to_string();
            assert!(fault.contains(words), "{script}: {fault}");
            assert!(!fault.replace(script, "").contains("hunter2"), "{fault}");
            assert!(began.elapsed() < Duration::from_secs(30), "{script}");
        }
        let fault = read(&command(&["/nonexistent/program"])).unwrap_err().to_string();
        assert!(fault.contains("cannot be started"), "{fault}");
    }
}
