/// Whether the text ends a statement: a semicolon outside quotes and comments, and for a trigger the one after `END`.
pub(super) fn is_complete(text: &str) -> bool {
    let words = significant(text);
    let Some(body) = words.strip_suffix(';') else { return false };
    let words: Vec<&str> = body.split([' ', ';']).filter(|word| !word.is_empty()).collect();
    let is_trigger = matches!(
        words.as_slice(),
        ["CREATE", "TRIGGER", ..] | ["CREATE", "TEMP" | "TEMPORARY", "TRIGGER", ..]
    );
    !is_trigger || words.last() == Some(&"END")
}

/// The text in capitals, with quoted parts and comments taken out and every space as one.
fn significant(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\'' | '"' | '`' => {
                kept.push('Q');
                if !skip_to(&mut characters, character) {
                    return String::new();
                }
            }
            '[' => {
                kept.push('Q');
                if !skip_to(&mut characters, ']') {
                    return String::new();
                }
            }
            '-' if characters.peek() == Some(&'-') => {
                skip_to(&mut characters, '\n');
                kept.push(' ');
            }
            '/' if characters.peek() == Some(&'*') => {
                characters.next();
                if !skip_comment(&mut characters) {
                    return String::new();
                }
                kept.push(' ');
            }
            _ if character.is_whitespace() => kept.push(' '),
            _ => kept.extend(character.to_uppercase()),
        }
    }
    kept.trim().to_owned()
}

/// Moves behind the next `end`; a doubled quote opens a second quotation, which ends the same way.
fn skip_to(characters: &mut impl Iterator<Item = char>, end: char) -> bool {
    characters.any(|character| character == end)
}

fn skip_comment(characters: &mut impl Iterator<Item = char>) -> bool {
    let mut star = false;
    characters.any(|character| {
        let ends = star && character == '/';
        star = character == '*';
        ends
    })
}

#[cfg(test)]
mod tests {
    use super::is_complete;

    #[test]
    fn a_semicolon_ends_a_statement_unless_it_is_quoted_or_commented() {
        for whole in [
            "SELECT 1;",
            "SELECT ';' ;\n",
            "SELECT 1; -- done\n",
            "SELECT /* ; */ 1;",
            "SELECT 'it''s';",
            ";",
        ] {
            assert!(is_complete(whole), "{whole}");
        }
        for part in ["SELECT 1", "SELECT ';", "SELECT 1 -- ;\n", "SELECT /* ;", "SELECT [a;", ""] {
            assert!(!is_complete(part), "{part}");
        }
    }

    #[test]
    fn a_trigger_ends_with_its_end() {
        let head = "create temp trigger t after insert on a begin update b set x = 1;";
        assert!(!is_complete(head));
        assert!(is_complete(&format!("{head} end;")));
    }
}
