//! Work that goes on before its result is asked for.

use std::pin::Pin;
use std::task::{Context, Poll};

use crate::Panicked;

/// Work begun ahead of whoever will want its result. Dropping it ends the work.
pub struct Ahead<T>(tokio::task::JoinHandle<T>);

/// Begins `work` now. It makes progress whether or not anybody polls the result: a future that is merely kept would
/// hold on to whatever it waits in line for (a lock, a turn) as long as nobody looks at it.
pub fn ahead<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Ahead<T> {
    Ahead(tokio::spawn(work))
}

impl<T> Future for Ahead<T> {
    type Output = Result<T, Panicked>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|done| done.map_err(|_| Panicked))
    }
}

impl<T> Drop for Ahead<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Semaphore;

    use super::*;

    async fn take_a_turn(turns: Arc<Semaphore>) {
        let _turn = turns.acquire().await.expect("is open");
    }

    #[tokio::test]
    async fn gives_its_turn_back_although_nobody_looks() {
        let turns = Arc::new(Semaphore::new(1));
        let first = turns.clone().acquire_owned().await.expect("is open");
        let kept = ahead(take_a_turn(turns.clone()));
        tokio::task::yield_now().await;
        drop(first);
        take_a_turn(turns.clone()).await;
        kept.await.expect("is done");
    }

    #[tokio::test]
    async fn ends_when_nobody_wants_it() {
        let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
        let work = ahead(async move {
            let _sender = sender;
            std::future::pending::<()>().await;
        });
        drop(work);
        assert!(receiver.await.is_err());
    }
}
