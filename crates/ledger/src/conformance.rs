//! The suite that every implementation of [`Ledger`] passes.
//!
//! Each function wants a ledger that is fresh and panics with what it found where the contract is broken.
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a suite tells what is wrong by panicking"
)]

mod audit;
mod certificates;
mod denials;
mod locks;
mod minted;
mod notes;
mod revocations;
mod sample;

pub use audit::{
    events_are_found_by_every_field_newest_first, events_are_told_in_the_order_of_their_moments,
    pages_of_events_meet_without_gap_or_overlap, pruning_removes_what_is_older_and_nothing_else,
};
pub use certificates::{
    a_closed_ledger_says_so, a_draft_becomes_a_certificate_with_its_bytes, a_draft_ends_only_once,
    a_draft_that_is_never_signed_stays_a_draft, a_serial_is_used_once_for_each_issuer,
    certificates_are_found_by_every_field, every_change_raises_the_revision,
    many_callers_at_once_all_get_through, pages_of_certificates_meet_without_gap_or_overlap,
    what_is_not_on_record_is_not_found,
};
pub use denials::{
    a_certificate_is_denied_once, denials_are_told_among_the_revocations_in_their_order,
    what_was_issued_here_is_not_denied, who_waits_for_a_change_hears_of_a_denial,
};
pub use locks::{a_lock_is_held_by_one_at_a_time, a_lock_that_was_let_go_can_be_taken_again};
pub use minted::{
    minted_certificates_are_told_from_those_that_last, minted_certificates_leave_when_they_are_over,
};
pub use notes::{
    a_note_is_read_as_it_was_written, a_note_is_replaced_by_who_has_seen_it,
    expired_notes_are_removed_and_no_others, notes_are_listed_in_the_order_of_their_keys,
    one_of_many_writes_a_note,
};
pub use revocations::{
    a_certificate_is_revoked_once, a_certificate_is_revoked_with_its_moment_and_reason,
    a_ledger_keeps_its_id_and_no_other_has_it, every_reason_is_kept_and_remove_from_crl_is_none,
    list_numbers_are_raised_and_never_lowered, list_numbers_grow_for_each_issuer_and_none_is_given_twice,
    only_what_was_issued_can_be_revoked, revocations_are_told_in_the_order_in_which_they_were_recorded,
    who_waits_for_a_change_hears_of_it, who_waits_hears_that_the_ledger_was_closed,
};

use crate::ledger::Ledger;

/// Runs the whole suite; `make` gives a fresh ledger for each part.
pub async fn run_all<L: Ledger + 'static, F: Future<Output = L>>(make: impl Fn() -> F) {
    a_draft_becomes_a_certificate_with_its_bytes(&make().await).await;
    a_draft_that_is_never_signed_stays_a_draft(&make().await).await;
    a_draft_ends_only_once(&make().await).await;
    a_serial_is_used_once_for_each_issuer(&make().await).await;
    what_is_not_on_record_is_not_found(&make().await).await;
    certificates_are_found_by_every_field(&make().await).await;
    pages_of_certificates_meet_without_gap_or_overlap(&make().await).await;
    every_change_raises_the_revision(&make().await).await;
    many_callers_at_once_all_get_through(std::sync::Arc::new(make().await)).await;
    a_certificate_is_revoked_with_its_moment_and_reason(&make().await).await;
    every_reason_is_kept_and_remove_from_crl_is_none(&make().await).await;
    a_certificate_is_revoked_once(&make().await).await;
    only_what_was_issued_can_be_revoked(&make().await).await;
    revocations_are_told_in_the_order_in_which_they_were_recorded(&make().await).await;
    list_numbers_grow_for_each_issuer_and_none_is_given_twice(std::sync::Arc::new(make().await)).await;
    list_numbers_are_raised_and_never_lowered(&make().await).await;
    a_ledger_keeps_its_id_and_no_other_has_it(&make().await, &make().await).await;
    who_waits_for_a_change_hears_of_it(&make().await).await;
    who_waits_hears_that_the_ledger_was_closed(&make().await).await;
    a_certificate_is_denied_once(&make().await).await;
    what_was_issued_here_is_not_denied(&make().await).await;
    denials_are_told_among_the_revocations_in_their_order(&make().await).await;
    who_waits_for_a_change_hears_of_a_denial(&make().await).await;
    minted_certificates_leave_when_they_are_over(&make().await).await;
    minted_certificates_are_told_from_those_that_last(&make().await).await;
    a_note_is_read_as_it_was_written(&make().await).await;
    a_note_is_replaced_by_who_has_seen_it(&make().await).await;
    one_of_many_writes_a_note(std::sync::Arc::new(make().await)).await;
    notes_are_listed_in_the_order_of_their_keys(&make().await).await;
    expired_notes_are_removed_and_no_others(&make().await).await;
    events_are_found_by_every_field_newest_first(&make().await).await;
    events_are_told_in_the_order_of_their_moments(&make().await).await;
    pages_of_events_meet_without_gap_or_overlap(&make().await).await;
    pruning_removes_what_is_older_and_nothing_else(&make().await).await;
    a_lock_is_held_by_one_at_a_time(&make().await).await;
    a_lock_that_was_let_go_can_be_taken_again(&make().await).await;
    a_closed_ledger_says_so(&make().await).await;
}
