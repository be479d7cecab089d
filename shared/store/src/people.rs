//! What people of a relay sign in with: password hashes, passkeys, and who they are at an identity provider. None of it
//! is a record: it is told in no event, copied to no farm, and ends with the person.

use domain::id::{PasskeyId, UserId};
use domain::kind::Kind;
use domain::text::Name;
use domain::time::Timestamp;
use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::StoreError;
use crate::rows::{Rows, parse_id};
use crate::tx::{Tx, json};

/// A passkey.
#[derive(Debug, Clone, PartialEq)]
pub struct Passkey {
    /// Its id.
    pub id: PasskeyId,
    /// What the authenticator knows it by, in base64url.
    pub credential: String,
    /// Whose it is.
    pub user: UserId,
    /// The rest.
    pub state: PasskeyState,
}

/// What is known of a passkey and is not searched by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PasskeyState {
    /// What its owner calls it.
    pub name: Name,
    /// Its public key and counter, as whoever verifies it wrote them.
    pub key: Value,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it signed in last.
    pub used_at: Option<Timestamp>,
}

/// Who somebody is at an identity provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The provider.
    pub issuer: String,
    /// What it knows them by.
    pub subject: String,
}

type PasskeyColumns = (String, String, String, String);

fn passkey((id, credential, user, state): PasskeyColumns) -> Result<Passkey, StoreError> {
    Ok(Passkey {
        id: parse_id(Kind::User, &id)?,
        credential,
        user: parse_id(Kind::User, &user)?,
        state: serde_json::from_str(&state).map_err(|cause| StoreError::Document { kind: "passkey", cause })?,
    })
}

fn passkey_columns(row: &rusqlite::Row<'_>) -> rusqlite::Result<PasskeyColumns> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
}

impl Rows<'_> {
    /// The hash of somebody's password, if they have one.
    ///
    /// # Errors
    /// What the database says.
    pub fn password_of(&self, user: UserId) -> Result<Option<String>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT hash FROM password WHERE user = ?1")?;
        Ok(statement.query_row([user.to_string()], |row| row.get(0)).optional()?)
    }

    /// Somebody's passkeys, oldest first.
    ///
    /// # Errors
    /// What the database says.
    pub fn passkeys_of(&self, user: UserId) -> Result<Vec<Passkey>, StoreError> {
        let sql = "SELECT id, credential, user, state FROM passkey WHERE user = ?1 ORDER BY id";
        let mut statement = self.connection.prepare_cached(sql)?;
        statement.query_map([user.to_string()], passkey_columns)?.map(|row| passkey(row?)).collect()
    }

    /// The passkey that an authenticator knows by that.
    ///
    /// # Errors
    /// What the database says.
    pub fn passkey_of_credential(&self, credential: &str) -> Result<Option<Passkey>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT id, credential, user, state FROM passkey WHERE credential = ?1")?;
        statement.query_row([credential], passkey_columns).optional()?.map(passkey).transpose()
    }

    /// Who a provider's subject is here: nobody, or a person of each store that knows them.
    ///
    /// # Errors
    /// What the database says.
    pub fn people_of_identity(&self, identity: &Identity) -> Result<Vec<UserId>, StoreError> {
        let sql = "SELECT user FROM identity WHERE issuer = ?1 AND subject = ?2 ORDER BY user";
        let mut statement = self.connection.prepare_cached(sql)?;
        let users = statement.query_map([&identity.issuer, &identity.subject], |row| row.get::<_, String>(0))?;
        users.map(|user| parse_id(Kind::User, &user?)).collect()
    }

    /// Who somebody is at identity providers.
    ///
    /// # Errors
    /// What the database says.
    pub fn identities_of(&self, user: UserId) -> Result<Vec<Identity>, StoreError> {
        let sql = "SELECT issuer, subject FROM identity WHERE user = ?1 ORDER BY issuer, subject";
        let mut statement = self.connection.prepare_cached(sql)?;
        let found = statement.query_map([user.to_string()], |row| Ok(Identity { issuer: row.get(0)?, subject: row.get(1)? }))?;
        Ok(found.collect::<Result<_, _>>()?)
    }
}

impl Tx<'_> {
    /// Keeps the hash of somebody's password, in place of any before.
    ///
    /// # Errors
    /// What the database says.
    pub fn put_password(&mut self, user: UserId, hash: &str) -> Result<(), StoreError> {
        let sql = "INSERT INTO password (user, hash) VALUES (?1, ?2) ON CONFLICT (user) DO UPDATE SET hash = excluded.hash";
        self.sql()?.prepare_cached(sql)?.execute(params![user.to_string(), hash])?;
        Ok(())
    }

    /// Keeps a passkey as it is now.
    ///
    /// # Errors
    /// What the database says, also if another has that credential.
    pub fn put_passkey(&mut self, passkey: &Passkey) -> Result<(), StoreError> {
        let sql = "INSERT INTO passkey (id, credential, user, state) VALUES (?1, ?2, ?3, ?4) \
                   ON CONFLICT (id) DO UPDATE SET state = excluded.state";
        let Passkey { id, credential, user, state } = passkey;
        let state = json("passkey", state)?;
        self.sql()?.prepare_cached(sql)?.execute(params![id.to_string(), credential, user.to_string(), state])?;
        Ok(())
    }

    /// Forgets a passkey of that person. Says whether it was theirs.
    ///
    /// # Errors
    /// What the database says.
    pub fn forget_passkey(&mut self, user: UserId, id: PasskeyId) -> Result<bool, StoreError> {
        let mut statement = self.sql()?.prepare_cached("DELETE FROM passkey WHERE id = ?1 AND user = ?2")?;
        Ok(statement.execute([id.to_string(), user.to_string()])? == 1)
    }

    /// Keeps who somebody is at a provider.
    ///
    /// # Errors
    /// What the database says.
    pub fn put_identity(&mut self, user: UserId, identity: &Identity) -> Result<(), StoreError> {
        let sql = "INSERT INTO identity (issuer, subject, user) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
        self.sql()?.prepare_cached(sql)?.execute([&identity.issuer, &identity.subject, &user.to_string()])?;
        Ok(())
    }

    /// Forgets everything that somebody signs in with: their password, passkeys, identities and links.
    ///
    /// # Errors
    /// What the database says.
    pub fn forget_ways_in(&mut self, user: UserId) -> Result<(), StoreError> {
        let user = user.to_string();
        for table in ["password", "passkey", "identity"] {
            self.sql()?.prepare_cached(&format!("DELETE FROM {table} WHERE user = ?1"))?.execute([&user])?;
        }
        self.forget_credentials(&user)
    }
}
