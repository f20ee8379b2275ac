//! What every store must do, as functions over `&dyn Store`: the memory store, the decorators and every driver run
//! them. Each wants a store in which nothing of its own sources is yet, and panics where it finds the store wrong.
//!
//! [`conformance!`](crate::conformance) makes a test of each.

mod builder;
mod cases;
mod oracle;
mod queries;
mod sample;

pub use builder::BatchBuilder;
pub use cases::*;
pub use oracle::{Oracle, everything, search_all};
pub use queries::{QUERIES, every_kind_of_query_agrees};
pub use sample::{Random, sample, samples};

/// A test for each thing that a store must do. `$open` is an expression of a future that makes an empty store: a pair
/// of something that derefs to a `Store` and of what must live as long (a temporary folder). With `if_some`, it is an
/// option of such a pair: `None` where the server that it needs is not there, and has said so.
#[macro_export]
macro_rules! conformance {
    ($open:expr) => {
        $crate::conformance!(if_some async { Some($open.await) });
    };
    (if_some $open:expr) => {
        $crate::conformance!(@each $open,
            writes_are_idempotent,
            overlapping_batches_are_trimmed,
            pages_cover_everything_once,
            time_ranges_are_half_open,
            every_kind_of_query_agrees,
            histograms_agree,
            facets_and_fields_agree,
            context_is_exact_across_batches,
            whereabouts_are_known_of_what_is_held,
            tail_sees_everything_in_order,
            tail_counts_what_it_skips,
            coverage_tells_what_is_held,
            cursors_are_durable_after_flush,
            a_deadline_gives_a_marked_beginning,
            refusals_name_their_records,
            odd_lines_come_back_as_they_are,
            pages_of_long_lines_end_early,
            generations_are_apart,
            impossible_requests_are_refused,
        );
    };
    (@each $open:expr, $($case:ident),* $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            if let Some((store, _guard)) = $open.await {
                $crate::testing::$case(&*store).await;
            }
        }
    )*};
}
