//! Tell what an API key was used for.

use contract::operation::{Asked, Contract};
use contract::ops::key_usage::{GetKeyUsage, KeyUsage};
use domain::key::ApiKey;
use futures_util::future::join_all;

use crate::audit::merge::{ask_farm, farms};
use crate::door::Door;
use crate::operation::{By, Failure, Read};
use crate::usage;

impl Read for GetKeyUsage {
    async fn read(by: &By<Self>, door: &Door, asked: Asked<Self>) -> Result<KeyUsage, Failure> {
        let key = asked.target.id;
        door.store.read(|rows| by.find::<ApiKey>(rows, key))?;
        let (mut doors, mut missing) = (vec![usage::known(door, key)?], Vec::new());
        let asked = farms(door, by)?.into_iter().map(async |farm| {
            let path = [("id".to_owned(), key.to_string())].into();
            (farm, ask_farm(door, by, farm, Self::ID, path, Vec::new(), 0).await)
        });
        for (farm, answer) in join_all(asked).await {
            match answer.and_then(|body| serde_json::from_value::<KeyUsage>(body).ok()) {
                // What a farm says of another's door is not believed.
                Some(of_farm) => doors.extend(of_farm.doors.into_iter().filter(|door| door.farm_id == Some(farm))),
                None => missing.push(farm),
            }
        }
        Ok(KeyUsage::of(doors, missing))
    }
}
