//! The whole way of a file through a simulated printer.

use gantry_tests::counterpart::Simulated;
use gantry_tests::whole_way;

#[tokio::test]
async fn a_file_is_printed_and_the_next_job_waits_for_the_bed() {
    whole_way::two_jobs::<Simulated>().await;
}
