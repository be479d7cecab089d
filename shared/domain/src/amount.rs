//! Measured amounts and money. Each has one door that checks it; inside nobody checks again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::Currency;

/// A number that cannot be.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{what} must be from {least} to {most}")]
pub struct BadAmount {
    what: &'static str,
    least: f64,
    most: f64,
}

macro_rules! amounts {
    ($($(#[$doc:meta])* $name:ident, $what:literal, $least:literal, $most:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[serde(try_from = "f64", into = "f64")]
        pub struct $name(f64);

        impl $name {
            /// The number.
            pub const fn get(self) -> f64 {
                self.0
            }
        }

        impl TryFrom<f64> for $name {
            type Error = BadAmount;
            fn try_from(number: f64) -> Result<Self, BadAmount> {
                // Not a number is in no range.
                if ($least..=$most).contains(&number) {
                    Ok(Self(number))
                } else {
                    Err(BadAmount { what: $what, least: $least, most: $most })
                }
            }
        }

        impl From<$name> for f64 {
            fn from(amount: $name) -> f64 {
                amount.0
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({"type": "number", "minimum": $least, "maximum": $most})
            }
        }
    )*};
}

amounts! {
    /// Grams of filament or of an empty reel.
    Grams, "grams", 0.0, 100_000.0;
    /// Grams per cubic centimetre.
    Density, "a density", 0.1, 30.0;
    /// The diameter of a filament in mm.
    Diameter, "a diameter", 0.5, 10.0;
}

/// An amount of money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// In the currency's smallest unit: 1990 is 19.90 EUR.
    pub amount_minor: u64,
    /// The currency.
    pub currency: Currency,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_outside_its_range_or_no_number_is_refused() {
        assert_eq!(Grams::try_from(0.0).map(Grams::get), Ok(0.0));
        for bad in [-0.1, 100_000.1, f64::NAN, f64::INFINITY] {
            assert!(Grams::try_from(bad).is_err(), "{bad}");
        }
    }
}
