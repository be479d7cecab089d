//! The whole way of a file from a real slicer through a real OctoPrint.

use gantry_tests::whole_way;

use crate::octoprint::OctoPrint;

#[tokio::test]
async fn a_sliced_file_is_printed_and_the_next_job_waits_for_the_bed() {
    whole_way::two_jobs::<OctoPrint>().await;
}
