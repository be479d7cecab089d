//! The record kinds: everything that is a row with a revision, events and a list.

/// Declares the kinds once, with their names on the wire.
macro_rules! kinds {
    ($($name:ident = $word:literal, $plural:literal, $prefix:literal, $doc:literal;)*) => {
        /// A kind of record.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Kind {
            $(#[doc = $doc] $name,)*
        }

        impl Kind {
            /// Every kind, in the order of their declaration.
            pub const ALL: &'static [Kind] = &[$(Kind::$name,)*];

            /// The word in event types and tables.
            pub const fn word(self) -> &'static str {
                match self { $(Kind::$name => $word,)* }
            }

            /// The plural noun of paths and topics.
            pub const fn plural(self) -> &'static str {
                match self { $(Kind::$name => $plural,)* }
            }

            /// The prefix of the kind's ids.
            pub const fn prefix(self) -> &'static str {
                match self { $(Kind::$name => $prefix,)* }
            }

            /// The kind of that word.
            pub fn from_word(word: &str) -> Option<Kind> {
                Kind::ALL.iter().copied().find(|kind| kind.word() == word)
            }
        }
    };
}

kinds! {
    Farm = "farm", "farms", "farm", "One agent and its printers.";
    Printer = "printer", "printers", "prn", "One machine.";
    Pool = "pool", "pools", "pool", "A named tag query.";
    File = "file", "files", "file", "Content with what was read out of it.";
    Part = "part", "parts", "part", "A printable thing.";
    Job = "job", "jobs", "job", "One plate to be printed.";
    Attempt = "attempt", "attempts", "att", "One try of a job on one printer.";
    Command = "command", "commands", "cmd", "Something asked of the farm that is followed.";
    Store = "store", "stores", "store", "The tenant: one business.";
    User = "user", "users", "usr", "A person with an account at the relay.";
    Role = "role", "roles", "rol", "A role of a store's own.";
    ApiKey = "api_key", "api_keys", "key", "A key for a program.";
    SlicerKey = "slicer_key", "slicer_keys", "slk", "A key that may only submit files.";
    Session = "session", "sessions", "ses", "A signed-in browser or phone.";
    Sku = "sku", "skus", "sku", "What is sold.";
    Order = "order", "orders", "ord", "What somebody wants.";
    Material = "material", "materials", "mat", "Type, vendor and colour of a filament.";
    Spool = "spool", "spools", "spl", "One physical reel.";
    SpoolEntry = "spool_entry", "spool_entries", "spe", "A line of a spool's ledger.";
    Slot = "slot", "slots", "slt", "A filament position of a printer.";
    Stock = "stock", "stock", "stk", "How many of a SKU lie in a place.";
    StockEntry = "stock_entry", "stock_entries", "ste", "A line of the stock's ledger.";
    Webhook = "webhook", "webhooks", "whk", "An address that events are sent to.";
    Delivery = "delivery", "deliveries", "dlv", "One event on its way to one webhook.";
    Operator = "operator", "operators", "opr", "A person of the floor with a PIN.";
    Device = "device", "devices", "dev", "A phone or tablet that was added to the farm.";
}

impl Kind {
    /// Whether its facts belong to the account and not to a farm.
    pub const fn is_account(self) -> bool {
        match self {
            Kind::Store | Kind::User | Kind::Role | Kind::ApiKey | Kind::Webhook | Kind::Delivery => true,
            Kind::Farm
            | Kind::Printer
            | Kind::Pool
            | Kind::File
            | Kind::Part
            | Kind::Job
            | Kind::Attempt
            | Kind::Command
            | Kind::SlicerKey
            | Kind::Session
            | Kind::Sku
            | Kind::Order
            | Kind::Material
            | Kind::Spool
            | Kind::SpoolEntry
            | Kind::Slot
            | Kind::Stock
            | Kind::StockEntry
            | Kind::Operator
            | Kind::Device => false,
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}
