//! Identity providers (OpenID Connect): the authorization code flow with PKCE, state and nonce, by `openidconnect`. Only the
//! operator's settings say whom to ask.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use api::ways_in::{Known, Providers};
use async_trait::async_trait;
use contract::ops::ways_in::{ProviderAsked, ProviderProof, ProviderShown};
use contract::problem::{Code, Problem};
use domain::time::Timestamp;
use futures_util::TryStreamExt;
use futures_util::future::BoxFuture;
use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreProviderMetadata, CoreUserInfoClaims};
use openidconnect::{
    AuthType, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndUserEmail, HttpRequest, HttpResponse, IssuerUrl, Nonce,
    OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, TokenResponse,
};
use reqwest::{Client, redirect};
use sha2::{Digest, Sha256};
use store::Identity;

use super::ceremonies::{Ceremonies, secret};
use crate::config::Provider;

/// How long what a provider says of itself is believed: its keys change.
const KNOWN_SECONDS: i64 = 60;
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest answer of a provider.
const LONGEST: usize = 1024 * 1024;

/// The providers of the settings.
pub struct Asked {
    client: Client,
    providers: Vec<Arc<Settled>>,
    begun: Ceremonies<Begun>,
}

struct Settled {
    name: String,
    issuer: IssuerUrl,
    client_id: ClientId,
    secret: ClientSecret,
    said: Mutex<Option<(Timestamp, CoreProviderMetadata)>>,
}

/// What waits for the browser to come back.
struct Begun {
    provider: Arc<Settled>,
    metadata: CoreProviderMetadata,
    back_to: RedirectUrl,
    state: String,
    nonce: Nonce,
    verifier: PkceCodeVerifier,
}

impl Asked {
    /// By those settings.
    ///
    /// # Errors
    /// Which of them is of no use.
    pub fn new(providers: &[Provider]) -> Result<Self, String> {
        // A second installation is refused and changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().redirect(redirect::Policy::none()).timeout(PATIENCE).build();
        let providers: Result<Vec<_>, String> = providers.iter().map(settled).collect();
        Ok(Self { client: client.map_err(|error| error.to_string())?, providers: providers?, begun: Ceremonies::default() })
    }

    /// What the provider says of itself: where to go, and which keys it signs with.
    async fn metadata(&self, provider: &Settled, now: Timestamp) -> Result<CoreProviderMetadata, Problem> {
        let said = provider.said.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((since, metadata)) = said
            && now.millis_since(since) < KNOWN_SECONDS * 1000
        {
            return Ok(metadata);
        }
        let ask = line(&self.client);
        let metadata = CoreProviderMetadata::discover_async(provider.issuer.clone(), &ask);
        let metadata = metadata.await.map_err(|error| failed(provider, &error))?;
        *provider.said.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, metadata.clone()));
        Ok(metadata)
    }
}

fn settled(provider: &Provider) -> Result<Arc<Settled>, String> {
    let Provider { name, issuer, client_id, client_secret_file } = provider;
    let read = std::fs::read_to_string(client_secret_file);
    let secret =
        read.map_err(|error| format!("the secret of {name} in {} cannot be read: {error}", client_secret_file.display()))?;
    let issuer = IssuerUrl::new(issuer.clone()).map_err(|error| format!("the issuer of {name} is no address: {error}"))?;
    Ok(Arc::new(Settled {
        name: name.clone(),
        issuer,
        client_id: ClientId::new(client_id.clone()),
        secret: ClientSecret::new(secret.trim().to_owned()),
        said: Mutex::default(),
    }))
}

#[async_trait]
impl Providers for Asked {
    fn list(&self) -> Vec<ProviderShown> {
        let shown = |(n, provider): (usize, &Arc<Settled>)| ProviderShown { id: n.to_string(), name: provider.name.clone() };
        self.providers.iter().enumerate().map(shown).collect()
    }

    async fn begin(&self, now: Timestamp, provider: &str, back_to: &str) -> Result<ProviderAsked, Problem> {
        let unknown = || Problem::field("/provider", "invalid", "there is no such provider");
        let provider = provider.parse().ok().and_then(|n: usize| self.providers.get(n)).ok_or_else(unknown)?;
        let metadata = self.metadata(provider, now).await?;
        let back_to = RedirectUrl::new(back_to.to_owned()).map_err(|_| Problem::field("/page", "invalid", "is no address"))?;
        let client = CoreClient::from_provider_metadata(metadata.clone(), provider.client_id.clone(), None);
        let client = client.set_redirect_uri(back_to.clone());
        let verifier = PkceCodeVerifier::new(secret());
        let (state, nonce) = (secret(), Nonce::new(secret()));
        let (told_state, told_nonce) = (state.clone(), nonce.clone());
        let asked = client.authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            move || CsrfToken::new(told_state),
            move || told_nonce,
        );
        let asked = asked.add_scope(Scope::new("email".to_owned())).add_scope(Scope::new("profile".to_owned()));
        let (url, _, _) = asked.set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier)).url();
        let begun = Begun { provider: Arc::clone(provider), metadata, back_to, state, nonce, verifier };
        Ok(ProviderAsked { ceremony: self.begun.begin(now, begun), url: url.into() })
    }

    async fn finish(&self, now: Timestamp, proof: &ProviderProof) -> Result<Known, Problem> {
        let refused = |why: &str| Problem::new(Code::BadCredential).detail(why);
        let begun = self.begun.end(now, &proof.ceremony);
        let begun = begun.ok_or_else(|| refused("it took too long, or was answered before: begin again"))?;
        // By their hashes: how long that takes tells nothing of the state.
        if Sha256::digest(&begun.state) != Sha256::digest(&proof.state) {
            return Err(refused("the provider's answer is not for this browser: begin again"));
        }
        let Begun { provider, metadata, back_to, nonce, verifier, .. } = begun;
        let posted = metadata
            .token_endpoint_auth_methods_supported()
            .is_some_and(|ways| !ways.contains(&CoreClientAuthMethod::ClientSecretBasic));
        let client = CoreClient::from_provider_metadata(metadata, provider.client_id.clone(), Some(provider.secret.clone()))
            .set_redirect_uri(back_to);
        let client = if posted { client.set_auth_type(AuthType::RequestBody) } else { client };
        let exchange =
            client.exchange_code(AuthorizationCode::new(proof.code.clone())).map_err(|error| failed(&provider, &error))?;
        let ask = line(&self.client);
        let told = exchange.set_pkce_verifier(verifier).request_async(&ask).await.map_err(|error| failed(&provider, &error))?;
        let token = told.id_token().ok_or_else(|| failed(&provider, &"it sent no id_token"))?;
        let claims = token.claims(&client.id_token_verifier(), &nonce).map_err(|error| failed(&provider, &error))?;
        let identity = Identity { issuer: provider.issuer.to_string(), subject: claims.subject().to_string() };
        let verified = |email: Option<&EndUserEmail>, yes: Option<bool>| {
            email.filter(|_| yes == Some(true)).and_then(|email| email.as_str().parse().ok())
        };
        if claims.email().is_some() {
            return Ok(Known { identity, email: verified(claims.email(), claims.email_verified()) });
        }
        // Strict providers tell of the address only when they are asked for it.
        let Ok(asked) = client.user_info(told.access_token().clone(), Some(claims.subject().clone())) else {
            return Ok(Known { identity, email: None });
        };
        let more: CoreUserInfoClaims = asked.request_async(&ask).await.map_err(|error| failed(&provider, &error))?;
        Ok(Known { identity, email: verified(more.email(), more.email_verified()) })
    }
}

/// Told in the log, to whoever runs the relay; not to whoever asks.
fn failed(provider: &Settled, why: &dyn std::fmt::Display) -> Problem {
    tracing::warn!(provider = provider.name, %why, "an identity provider could not be asked");
    Problem::new(Code::ProviderFailed)
        .detail(format!("{} could not be asked, or answered what cannot be believed", provider.name))
}

/// Why a provider could not be asked.
#[derive(Debug, thiserror::Error)]
enum Unasked {
    #[error(transparent)]
    Http(#[from] http::Error),
    #[error(transparent)]
    Line(#[from] reqwest::Error),
    #[error("the answer is longer than {LONGEST} bytes")]
    TooLong,
}

/// How a provider is asked.
fn line(client: &Client) -> impl Fn(HttpRequest) -> BoxFuture<'static, Result<HttpResponse, Unasked>> + Send + Sync + use<> {
    let client = client.clone();
    move |request| Box::pin(send(client.clone(), request))
}

async fn send(client: Client, request: HttpRequest) -> Result<HttpResponse, Unasked> {
    let (parts, body) = request.into_parts();
    let sent = client.request(parts.method, parts.uri.to_string()).headers(parts.headers).body(body).send().await?;
    let mut answer = http::Response::builder().status(sent.status());
    for (name, value) in sent.headers() {
        answer = answer.header(name, value);
    }
    let mut bytes = Vec::new();
    let mut stream = sent.bytes_stream();
    while let Some(more) = stream.try_next().await? {
        if bytes.len() + more.len() > LONGEST {
            return Err(Unasked::TooLong);
        }
        bytes.extend_from_slice(&more);
    }
    Ok(answer.body(bytes)?)
}
