//! Statements that would reach out of their request.

/// Whether a statement begins, ends or divides a transaction: a request is one, or part of none.
pub(super) fn controls_transaction(sql: &str) -> bool {
    let (first, rest) = word(sql);
    match first.to_ascii_lowercase().as_str() {
        "begin" | "start" | "commit" | "end" | "rollback" | "abort" | "savepoint" | "release" => true,
        "prepare" => word(rest).0.eq_ignore_ascii_case("transaction"),
        _ => false,
    }
}

/// The first word, and what is behind it.
fn word(sql: &str) -> (&str, &str) {
    let sql = after_blanks(sql);
    let end = sql.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(sql.len());
    sql.split_at_checked(end).unwrap_or((sql, ""))
}

/// Leaves out blanks, comments, and statements of nothing.
fn after_blanks(mut sql: &str) -> &str {
    loop {
        let next = sql.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c', ';']);
        let next = if let Some(comment) = next.strip_prefix("--") {
            comment.find(['\n', '\r']).and_then(|end| comment.get(end..)).unwrap_or_default()
        } else if let Some(comment) = next.strip_prefix("/*") {
            after_comment(comment)
        } else {
            next
        };
        if next.len() == sql.len() {
            return sql;
        }
        sql = next;
    }
}

/// What is behind a comment that has begun; others may be within.
fn after_comment(mut comment: &str) -> &str {
    let mut depth = 1_usize;
    while depth > 0 {
        let Some(at) = comment.find(['*', '/']) else { return "" };
        let here = comment.get(at..).unwrap_or_default();
        let (deeper, skip) = match here.as_bytes() {
            [b'*', b'/', ..] => (depth - 1, 2),
            [b'/', b'*', ..] => (depth + 1, 2),
            _ => (depth, 1),
        };
        depth = deeper;
        comment = here.get(skip..).unwrap_or_default();
    }
    comment
}

#[cfg(test)]
mod tests {
    use super::controls_transaction;

    #[test]
    fn transaction_control_is_seen_behind_blanks_comments_and_empty_statements() {
        for sql in [
            "COMMIT",
            "  end;",
            "\n-- now\nrollback to x",
            "/* a /* b */ c */ Begin",
            ";;/**/; start transaction read write",
            "-- one\r-- two\nabort",
            "PREPARE /* x */ TRANSACTION 'x'",
            "/***/savepoint a",
        ] {
            assert!(controls_transaction(sql), "{sql}");
        }
    }

    #[test]
    fn other_statements_are_let_through() {
        for sql in [
            "SELECT 'commit'",
            "prepare p as select 1",
            "/* commit */ select 1",
            "-- commit",
            "/* never ends commit",
            "beginning",
            "endpoints",
            "",
            "é",
        ] {
            assert!(!controls_transaction(sql), "{sql}");
        }
    }
}
