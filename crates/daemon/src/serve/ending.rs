//! The end of a node, in the order in which its parts need each other.

use std::sync::Arc;

use gateway::Gateway;
use tokio::task::JoinHandle;

use crate::records::Records;
use crate::serving::Opened;
use crate::serving::Serving;

/// What is still there when nobody is served any more.
pub(super) struct Ending {
    pub(super) gateway: Arc<Gateway>,
    pub(super) reloading: JoinHandle<Serving>,
    pub(super) judging: JoinHandle<()>,
    pub(super) keeping: JoinHandle<()>,
    pub(super) noting: Option<JoinHandle<()>>,
    pub(super) following: Option<JoinHandle<()>>,
    pub(super) rotating: Option<JoinHandle<()>>,
    pub(super) records: Option<Records>,
}

impl Ending {
    pub(super) async fn close(self) {
        let Self { gateway, reloading, judging, keeping, noting, following, rotating, records } = self;
        match reloading.await {
            Ok(serving) => {
                for database in serving.databases.iter().filter_map(Opened::embedded) {
                    database.close().await;
                }
            }
            Err(error) => tracing::error!(%error, "the node no longer reloaded and renewed"),
        }
        if let Err(error) = judging.await {
            tracing::error!(%error, "live sessions were no longer judged by what authorities answered");
        }
        if let Err(error) = keeping.await {
            tracing::error!(%error, "what our authority does by itself was no longer done");
        }
        if let Some(noting) = noting {
            // It writes its last note, or gives it up.
            let _ = noting.await;
        }
        // Until here whoever was still served could be revoked.
        if let Some(following) = following {
            following.abort();
            // It was told to end, and has no more to say.
            let _ = following.await;
        }
        if let Some(rotating) = rotating {
            rotating.abort();
            let _ = rotating.await;
        }
        // The journal holds the way into the ledger; what is on its way ends with it.
        drop(gateway);
        if let Some(records) = records {
            records.close().await;
        }
    }
}
