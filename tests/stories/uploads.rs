//! Uploads that a power cut of the agent breaks off.

use gantry_tests::farm::Farm;
use gantry_tests::uploads::{Piece, long_gcode};
use reqwest::multipart::{Form, Part};

const MIB: usize = 1024 * 1024;

#[tokio::test]
async fn killed_in_the_middle_of_a_piece_an_upload_goes_on_where_it_was_durable() {
    let mut farm = Farm::start().await;
    let content = long_gcode(12 * MIB);
    let place = farm.begin_upload(content.len()).await;
    // The line stays open behind these bytes: the agent waits for more when it dies.
    let piece = Piece::begin(&farm, &place, &content[..10 * MIB]);
    let durable = farm.upload_reaches(&place, 8 * MIB).await;
    farm.kill9().await;
    piece.broke_off().await;
    farm.start_again().await;
    assert_eq!(farm.upload_offset(&place).await, Some(durable), "what was told before the cut");
    let file = farm.send_piece(&place, durable, content[durable..].to_owned()).await;
    let form = Form::new().part("file", Part::text(content).file_name("long.gcode"));
    let whole = farm.send(reqwest::Method::POST, "/v1/files", |request| request.multipart(form)).await;
    assert_eq!((whole.status, &whole.body["id"]), (200, &file.into()), "the same bytes under the same name");
}
