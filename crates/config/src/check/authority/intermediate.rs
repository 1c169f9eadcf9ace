//! The issuer `service` from the environment.

use std::path::PathBuf;

use fault::Place;
use identity::Secret;

use crate::plan::{IssuerPlan, PemText};
use crate::reader::{At, Reader};
use crate::sources::{
    INTERMEDIATE_CERT_FILE, INTERMEDIATE_CERT_PEM, INTERMEDIATE_CERT_PEM_FILE, INTERMEDIATE_KEY_FILE,
    INTERMEDIATE_KEY_PEM, INTERMEDIATE_KEY_PEM_FILE, Outside, Sources,
};

/// The variables that one half of the issuer may come from.
struct Half {
    /// What the file calls it.
    key: &'static str,
    text: &'static Outside,
    files: [&'static Outside; 2],
}

const CERT: Half = Half {
    key: "authority.issuers.service.cert",
    text: &INTERMEDIATE_CERT_PEM,
    files: [&INTERMEDIATE_CERT_FILE, &INTERMEDIATE_CERT_PEM_FILE],
};

const KEY: Half = Half {
    key: "authority.issuers.service.key",
    text: &INTERMEDIATE_KEY_PEM,
    files: [&INTERMEDIATE_KEY_FILE, &INTERMEDIATE_KEY_PEM_FILE],
};

/// None where no variable speaks of it; without a value where they do, and wrongly.
pub(super) fn given(reader: &mut Reader<'_>, sources: &Sources) -> Option<At<Option<IssuerPlan>>> {
    let (certs, keys) = (CERT.said(sources), KEY.said(sources));
    let place = certs.first().or(keys.first())?.place.clone();
    for (one, other, lacking) in [(&certs, &keys, &KEY), (&keys, &certs, &CERT)] {
        if let (Some(first), true) = (one.first(), other.is_empty()) {
            let said = format!("{} is given and {} is not", name(first), lacking.names().join(" or "));
            reader.refuse(first, said, "give both: an issuer is a certificate with its key");
        }
    }
    let cert = CERT.read(reader, sources, &certs, str::to_owned);
    let key = KEY.read(reader, sources, &keys, |text| Secret::new(text.to_owned()));
    let value = cert.zip(key).map(|(cert, key)| IssuerPlan { cert, key, key_password: None });
    Some(At { value, place })
}

impl Half {
    /// The variables of it that are set.
    fn said(&self, sources: &Sources) -> Vec<At<&'static Outside>> {
        let set = |of: &&'static Outside| sources.setting(of).map(|at| At { value: *of, place: at.place });
        [self.text].iter().chain(&self.files).filter_map(set).collect()
    }

    /// The two spellings to recommend.
    fn names(&self) -> Vec<&'static str> {
        [self.text].iter().chain(self.files.first()).filter_map(|of| of.variable).collect()
    }

    fn read<T>(
        &self,
        reader: &mut Reader<'_>,
        sources: &Sources,
        said: &[At<&'static Outside>],
        take: impl FnOnce(&str) -> T,
    ) -> Option<PemText<T>> {
        let first = said.first()?;
        if let Some(second) = said.get(1) {
            let said = format!("{} and {} are both given", name(first), name(second));
            reader.refuse(first, said, "keep one of them");
            return None;
        }
        let variable = first.value.variable?;
        if self.text.variable != Some(variable) {
            let path: At<PathBuf> = reader.outside(sources, first.value, self.key)?;
            return Some(PemText::File(path.value));
        }
        // The text itself is never shown.
        let shown = At { value: "(PEM text)".to_owned(), place: first.place.clone() };
        reader.overridden(self.key, &shown);
        reader.env.get(variable).map(|text| PemText::Given { variable, text: take(text) })
    }
}

fn name(at: &At<&'static Outside>) -> String {
    at.place.as_ref().map(Place::to_string).unwrap_or_default()
}
