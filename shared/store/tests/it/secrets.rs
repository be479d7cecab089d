//! Sealed secrets and hashed credentials.

use domain::time::Timestamp;
use gantry_store::{Credential, CredentialKind, Sealer, StoreError, credential_hash};
use rusqlite::Connection;

use crate::farm::{NOW, by, db, db_in};

const PLAIN: &str = "access-code-12345678";

#[test]
fn a_secret_opens_with_its_key_for_its_owner_and_name_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let sealer = Sealer::new(&[1; 32]);
    let mut db = db_in(&path, 1).unwrap();
    db.write(by(), |tx| tx.put_secret(&sealer, "prn_1", "access_code", PLAIN)).unwrap();
    assert_eq!(db.rows().secret(&sealer, "prn_1", "access_code").unwrap().as_deref(), Some(PLAIN));
    assert_eq!(db.rows().secret(&sealer, "prn_1", "serial").unwrap(), None);
    assert_eq!(db.rows().secret(&sealer, "prn_2", "access_code").unwrap(), None);
    assert!(matches!(db.rows().secret(&Sealer::new(&[2; 32]), "prn_1", "access_code"), Err(StoreError::Sealed(_))));
    drop(db);

    let raw = Connection::open(&path).unwrap();
    for (owner, name) in [("prn_2", "access_code"), ("prn_1", "serial"), ("prn_1/access", "code"), ("prn", "1/access_code")] {
        raw.execute(
            "INSERT INTO secret SELECT ?1, ?2, sealed FROM secret WHERE owner = 'prn_1' AND name = 'access_code'",
            [owner, name],
        )
        .unwrap();
    }
    drop(raw);
    let db = db_in(&path, 2).unwrap();
    for (owner, name) in [("prn_2", "access_code"), ("prn_1", "serial"), ("prn_1/access", "code"), ("prn", "1/access_code")] {
        assert!(matches!(db.rows().secret(&sealer, owner, name), Err(StoreError::Sealed(_))), "{owner} {name}");
    }
}

#[test]
fn no_byte_of_a_secret_stands_in_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let mut db = db_in(&path, 1).unwrap();
    db.write(by(), |tx| tx.put_secret(&Sealer::new(&[1; 32]), "prn_1", "access_code", PLAIN)).unwrap();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(8).any(|window| window == &PLAIN.as_bytes()[4..12]));
    }
}

#[test]
fn a_changed_byte_of_a_sealed_secret_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let sealer = Sealer::new(&[1; 32]);
    let mut db = db_in(&path, 1).unwrap();
    db.write(by(), |tx| tx.put_secret(&sealer, "prn_1", "code", PLAIN)).unwrap();
    drop(db);
    let raw = Connection::open(&path).unwrap();
    let whole: Vec<u8> = raw.query_row("SELECT sealed FROM secret", [], |r| r.get(0)).unwrap();
    let changes = (0..whole.len()).map(|n| {
        let mut bytes = whole.clone();
        bytes[n] ^= 1;
        bytes
    });
    for bytes in changes.chain([Vec::new(), whole[..10].to_vec(), whole[..whole.len() - 1].to_vec()]) {
        raw.execute("UPDATE secret SET sealed = ?1", [&bytes]).unwrap();
        let db = db_in(&path, 2).unwrap();
        assert!(matches!(db.rows().secret(&sealer, "prn_1", "code"), Err(StoreError::Sealed(_))));
    }
}

#[test]
fn the_same_secret_is_never_sealed_alike_and_is_forgotten_with_its_owner() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let sealer = Sealer::new(&[1; 32]);
    let mut db = db_in(&path, 1).unwrap();
    let raw = Connection::open(&path).unwrap();
    let mut seen = Vec::<Vec<u8>>::new();
    for _ in 0..2 {
        db.write(by(), |tx| tx.put_secret(&sealer, "prn_1", "code", PLAIN)).unwrap();
        seen.push(raw.query_row("SELECT sealed FROM secret", [], |r| r.get(0)).unwrap());
    }
    assert_ne!(seen[0], seen[1]);
    db.write(by(), |tx| tx.put_secret(&sealer, "prn_2", "code", "other")).unwrap();
    db.write(by(), |tx| tx.forget_secrets("prn_1")).unwrap();
    assert_eq!(db.rows().secret(&sealer, "prn_1", "code").unwrap(), None);
    assert_eq!(db.rows().secret(&sealer, "prn_2", "code").unwrap().as_deref(), Some("other"));
}

#[test]
fn a_credential_is_known_by_its_hash_until_it_is_forgotten() {
    let mut db = db();
    let kinds = [CredentialKind::ApiKey, CredentialKind::SlicerKey, CredentialKind::Session, CredentialKind::OneTime];
    for (n, kind) in kinds.into_iter().enumerate() {
        let credential = Credential { kind, owner: format!("o{}", n % 2), expires_at: (n > 1).then_some(NOW) };
        let hash = credential_hash(&n.to_string());
        db.write(by(), |tx| tx.put_credential(&hash, &credential)).unwrap();
        assert_eq!(db.rows().credential(&hash).unwrap(), Some(credential));
    }
    assert_eq!(db.rows().credential(&credential_hash("x")).unwrap(), None);
    db.write(by(), |tx| tx.forget_credentials("o0")).unwrap();
    let known: Vec<bool> = (0..4).map(|n| db.rows().credential(&credential_hash(&n.to_string())).unwrap().is_some()).collect();
    assert_eq!(known, [false, true, false, true]);
}

#[test]
fn a_one_time_token_works_for_one_caller_only() {
    let mut db = db();
    let hash = credential_hash("once");
    let credential = Credential { kind: CredentialKind::OneTime, owner: "floor".to_owned(), expires_at: None };
    db.write(by(), |tx| tx.put_credential(&hash, &credential)).unwrap();
    assert!(db.write(by(), |tx| tx.put_credential(&hash, &credential)).is_err(), "a hash belongs to one credential");
    assert!(db.write(by(), |tx| tx.forget_credential(&hash)).unwrap());
    assert!(!db.write(by(), |tx| tx.forget_credential(&hash)).unwrap());
}

#[test]
fn expired_credentials_go_and_those_without_an_end_stay() {
    let mut db = db();
    let ends: [Option<Timestamp>; 3] = [None, Some(NOW), Some(NOW.plus_millis(1))];
    for (n, expires_at) in ends.into_iter().enumerate() {
        let credential = Credential { kind: CredentialKind::Session, owner: "s".to_owned(), expires_at };
        db.write(by(), |tx| tx.put_credential(&credential_hash(&n.to_string()), &credential)).unwrap();
    }
    db.write(by(), |tx| tx.forget_expired_credentials(NOW)).unwrap();
    let known: Vec<bool> = (0..3).map(|n| db.rows().credential(&credential_hash(&n.to_string())).unwrap().is_some()).collect();
    assert_eq!(known, [true, false, true]);
}
