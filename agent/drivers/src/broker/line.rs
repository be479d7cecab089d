//! One line to a broker: one client for one connection. It dies with the connection, and what was not sent dies
//! with it: a start that comes through late would hit another print. It never connects again.

use std::sync::Arc;
use std::time::Duration;

use domain::secret::Secret;
use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, Event, EventLoop, MqttOptions, NetworkOptions, Packet, QoS,
    SubscribeReasonCode, TlsConfiguration, Transport,
};
use rustls::ClientConfig;

use super::shell::Ear;
use super::trust::Refused;
use super::{BrokerAddress, MAX_MESSAGE_BYTES, NoLine, Wire};

/// The largest message that is sent.
const SENT_AT_MOST: usize = 64 * 1024;

/// Messages that wait to be sent; there is no reason for more.
const WAITING_AT_MOST: usize = 16;

const KEEP_ALIVE: Duration = Duration::from_secs(30);
const CONNECT_SECONDS: u64 = 10;

/// What a line is made of.
pub(super) struct Dial {
    pub address: BrokerAddress,
    pub user: &'static str,
    pub code: Secret<String>,
    pub client_id: String,
    pub topic: String,
    pub config: Arc<ClientConfig>,
    pub refused: Refused,
}

/// The end that sends. Dropped with its line.
pub(super) struct Line(AsyncClient);

impl Line {
    /// Gives it to the broker; false if it is lost.
    pub(super) fn publish(&self, topic: String, payload: String) -> bool {
        self.0.try_publish(topic, QoS::AtLeastOnce, false, payload).is_ok()
    }
}

/// A line that is yet to be opened, in two halves: what sends, and what has to be run.
pub(super) fn make(dial: &Dial) -> (Line, EventLoop) {
    let mut options = MqttOptions::new(&dial.client_id, &dial.address.host, dial.address.broker);
    options.set_credentials(dial.user, dial.code.expose());
    options.set_clean_session(true);
    options.set_keep_alive(KEEP_ALIVE);
    options.set_max_packet_size(MAX_MESSAGE_BYTES, SENT_AT_MOST);
    options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(Arc::clone(&dial.config))));
    let (client, mut events) = AsyncClient::new(options, WAITING_AT_MOST);
    let mut network = NetworkOptions::new();
    network.set_connection_timeout(CONNECT_SECONDS);
    network.set_tcp_nodelay(true);
    events.set_network_options(network);
    (Line(client), events)
}

/// Opens it and listens until it ends; says why it ended.
pub(super) async fn run(dial: Dial, line: AsyncClient, mut events: EventLoop, ear: &Ear) -> NoLine {
    loop {
        // After an error it would connect anew, and repeat what was not acknowledged.
        let event = match events.poll().await {
            Ok(event) => event,
            Err(error) => return why(&error, &dial.refused),
        };
        match event {
            Event::Incoming(Packet::ConnAck(_)) => {
                if line.try_subscribe(&dial.topic, QoS::AtMostOnce).is_err() {
                    return NoLine::Cut("nothing can be sent".to_owned());
                }
            }
            Event::Incoming(Packet::SubAck(answer)) => {
                if answer.return_codes.contains(&SubscribeReasonCode::Failure) {
                    return NoLine::NotHeard("it does not let us listen to that serial number".to_owned());
                }
                ear.tell(Wire::Opened).await;
            }
            Event::Incoming(Packet::Publish(message)) => ear.tell(Wire::Message(message.payload)).await,
            Event::Incoming(Packet::Disconnect) => return NoLine::Cut("it hung up".to_owned()),
            Event::Incoming(_) | Event::Outgoing(_) => {}
        }
    }
}

impl Line {
    /// The half that its loop keeps to listen with.
    pub(super) fn for_listening(&self) -> AsyncClient {
        self.0.clone()
    }
}

fn why(error: &ConnectionError, refused: &Refused) -> NoLine {
    if let Some(refusal) = refused.take() {
        return NoLine::Certificate(refusal);
    }
    match error {
        ConnectionError::ConnectionRefused(ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized) => {
            NoLine::WrongCode
        }
        ConnectionError::NetworkTimeout | ConnectionError::FlushTimeout => NoLine::Silent,
        ConnectionError::Io(error) => NoLine::Unreachable(error.to_string()),
        ConnectionError::Tls(error) => NoLine::Unreachable(error.to_string()),
        ConnectionError::MqttState(error) => NoLine::Cut(error.to_string()),
        ConnectionError::ConnectionRefused(code) => NoLine::Unreachable(format!("it refuses the connection ({code:?})")),
        ConnectionError::NotConnAck(_) => NoLine::Unreachable("it does not speak MQTT".to_owned()),
        ConnectionError::RequestsDone => NoLine::Cut("closed".to_owned()),
    }
}
