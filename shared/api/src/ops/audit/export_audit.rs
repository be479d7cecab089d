//! Write the audit into a file, as it is read: at most a page of each chain is held at a time.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use contract::list::MAX_LIMIT;
use contract::ops::audit::{AuditFormat, ExportAudit};
use contract::problem::Problem;
use contract::record::Document;
use http::{HeaderValue, header};
use serde_json::Value;

use crate::audit::csv;
use crate::audit::merge::Merge;
use crate::auth::internal;
use crate::door::Door;
use crate::operation::{By, Bytes, Failure, Streaming};

struct Export {
    by: By<ExportAudit>,
    door: Arc<Door>,
    merge: Merge,
    format: AuditFormat,
    /// Farms that were missing when it began.
    missing: usize,
    begun: bool,
    any: bool,
    ended: bool,
}

impl Bytes for ExportAudit {
    async fn serve(by: By<Self>, door: Arc<Door>, call: Streaming<Self>) -> Result<Response, Failure> {
        let accept = call.headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
        let format = call.asked.query.format.or_else(|| AuditFormat::accepted(accept)).unwrap_or(AuditFormat::Json);
        let mut merge = Merge::new(&door, &by, call.asked.query.filter, None, MAX_LIMIT)?;
        merge.fill(&door, &by).await?;
        let missing: Vec<String> = merge.missing.iter().map(ToString::to_string).collect();
        let export = Export { by, door, missing: missing.len(), merge, format, begun: false, any: false, ended: false };
        let stream = futures_util::stream::try_unfold(export, |mut export| async move {
            let text = export.next().await.map_err(|failure| std::io::Error::other(Problem::from(failure).to_string()))?;
            Ok::<_, std::io::Error>(text.map(|text| (text, export)))
        });
        let mut response = Response::new(Body::from_stream(stream));
        let headers = response.headers_mut();
        let mut put = |name: &'static str, value: String| -> Result<(), Problem> {
            headers.insert(name, HeaderValue::try_from(value).map_err(|error| internal(&error))?);
            Ok(())
        };
        let ending = match format {
            AuditFormat::Json => "json",
            AuditFormat::Jsonl => "jsonl",
            AuditFormat::Csv => "csv",
        };
        put("content-type", format!("{}; charset=utf-8", format.media_type()))?;
        put("content-disposition", format!("attachment; filename=\"audit.{ending}\""))?;
        put("cache-control", "no-store".to_owned())?;
        if !missing.is_empty() {
            put("gantry-missing-farms", missing.join(", "))?;
        }
        Ok(response)
    }
}

impl Export {
    /// The next piece of the file; none at its end.
    async fn next(&mut self) -> Result<Option<String>, Failure> {
        let mut text = String::new();
        if !std::mem::replace(&mut self.begun, true) {
            text += match self.format {
                AuditFormat::Json => "{\"items\":[",
                AuditFormat::Jsonl => "",
                AuditFormat::Csv => csv::HEAD,
            };
        }
        while text.is_empty() && !self.ended {
            while let Some(entry) = self.merge.take() {
                self.put(&mut text, entry);
            }
            if self.merge.is_done() {
                self.ended = true;
                text += if self.format == AuditFormat::Json { "\n]}\n" } else { "" };
            } else {
                self.merge.fill(&self.door, &self.by).await?;
            }
            // Whoever reads this must not take it for the whole.
            if self.merge.missing.len() > self.missing {
                return Err(Problem::new(contract::problem::Code::FarmOffline).into());
            }
        }
        Ok((!text.is_empty()).then_some(text))
    }

    fn put(&mut self, text: &mut String, entry: Document) {
        let comma = if std::mem::replace(&mut self.any, true) { "," } else { "" };
        *text += &match self.format {
            AuditFormat::Json => format!("{comma}\n{}", Value::Object(entry)),
            AuditFormat::Jsonl => format!("{}\n", Value::Object(entry)),
            AuditFormat::Csv => csv::row(&entry),
        };
    }
}
