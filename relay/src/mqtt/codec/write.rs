//! Packets to bytes.

use mqtt_protocol_core::mqtt::packet::{
    AssignedClientIdentifier, MaximumPacketSize, MaximumQos, Property, Qos, ServerKeepAlive, SessionExpiryInterval,
    SharedSubscriptionAvailable, SubscriptionIdentifier, v3_1_1, v5_0,
};
use mqtt_protocol_core::mqtt::result_code::{
    ConnectReasonCode, ConnectReturnCode, DisconnectReasonCode, MqttError, PubackReasonCode, SubackReasonCode, SubackReturnCode,
    UnsubackReasonCode,
};

use super::{LARGEST, Reason, Version};

/// The bytes of a packet that was made here. What we make is right; were it not, nothing is sent of it.
fn made<T>(built: Result<T, MqttError>, bytes: impl FnOnce(&T) -> Vec<u8>) -> Vec<u8> {
    match built {
        Ok(packet) => bytes(&packet),
        Err(error) => {
            tracing::error!(?error, "an MQTT packet could not be made");
            Vec::new()
        }
    }
}

/// Welcomes: in version 5 with the name that was given, the keep-alive that holds, and what is not here.
pub fn welcome(version: Version, assigned: Option<&str>, keep_alive: Option<u16>) -> Vec<u8> {
    match version {
        Version::V3 => {
            let packet = v3_1_1::Connack::builder().session_present(false).return_code(ConnectReturnCode::Accepted).build();
            made(packet, v3_1_1::Connack::to_continuous_buffer)
        }
        Version::V5 => {
            let mut told: Vec<Result<Property, MqttError>> = vec![
                SessionExpiryInterval::new(0).map(Into::into),
                MaximumQos::new(1).map(Into::into),
                MaximumPacketSize::new(u32::try_from(LARGEST).unwrap_or(u32::MAX)).map(Into::into),
                SharedSubscriptionAvailable::new(0).map(Into::into),
            ];
            told.extend(assigned.map(|name| AssignedClientIdentifier::new(name).map(Into::into)));
            told.extend(keep_alive.map(|seconds| ServerKeepAlive::new(seconds).map(Into::into)));
            let told: Vec<Property> = told.into_iter().flatten().collect();
            let packet = v5_0::Connack::builder().session_present(false).reason_code(ConnectReasonCode::Success);
            made(packet.props(told).build(), v5_0::Connack::to_continuous_buffer)
        }
    }
}

/// Refuses a connection.
pub fn refusal(version: Version, reason: Reason) -> Vec<u8> {
    match version {
        Version::V3 => {
            let code = match reason {
                Reason::Version => ConnectReturnCode::UnacceptableProtocolVersion,
                Reason::ClientId => ConnectReturnCode::IdentifierRejected,
                Reason::BadLogin => ConnectReturnCode::BadUserNameOrPassword,
                Reason::NotAuthorized | Reason::AuthMethod | Reason::Administrative => ConnectReturnCode::NotAuthorized,
                Reason::Unspecified
                | Reason::Malformed
                | Reason::Protocol
                | Reason::KeepAlive
                | Reason::TakenOver
                | Reason::Filter
                | Reason::TooLarge
                | Reason::Quota
                | Reason::Qos
                | Reason::SharedSubscription => ConnectReturnCode::ServerUnavailable,
            };
            let packet = v3_1_1::Connack::builder().session_present(false).return_code(code).build();
            made(packet, v3_1_1::Connack::to_continuous_buffer)
        }
        Version::V5 => {
            let code = ConnectReasonCode::try_from(reason as u8).unwrap_or(ConnectReasonCode::UnspecifiedError);
            let packet = v5_0::Connack::builder().session_present(false).reason_code(code).build();
            made(packet, v5_0::Connack::to_continuous_buffer)
        }
    }
}

/// Answers a SUBSCRIBE: the QoS that each filter was granted, or why not.
pub fn subscribed(version: Version, id: u16, granted: &[Result<u8, Reason>]) -> Vec<u8> {
    match version {
        Version::V3 => {
            let code = |granted: &Result<u8, Reason>| match granted {
                Ok(0) => SubackReturnCode::SuccessMaximumQos0,
                Ok(_) => SubackReturnCode::SuccessMaximumQos1,
                Err(_) => SubackReturnCode::Failure,
            };
            let packet = v3_1_1::Suback::builder().packet_id(id).return_codes(granted.iter().map(code).collect()).build();
            made(packet, v3_1_1::Suback::to_continuous_buffer)
        }
        Version::V5 => {
            let code = |granted: &Result<u8, Reason>| match granted {
                Ok(0) => SubackReasonCode::GrantedQos0,
                Ok(_) => SubackReasonCode::GrantedQos1,
                Err(reason) => SubackReasonCode::try_from(*reason as u8).unwrap_or(SubackReasonCode::UnspecifiedError),
            };
            let packet = v5_0::Suback::builder().packet_id(id).reason_codes(granted.iter().map(code).collect()).build();
            made(packet, v5_0::Suback::to_continuous_buffer)
        }
    }
}

/// Answers an UNSUBSCRIBE: whether each filter was there.
pub fn unsubscribed(version: Version, id: u16, were_there: &[bool]) -> Vec<u8> {
    match version {
        Version::V3 => made(v3_1_1::Unsuback::builder().packet_id(id).build(), v3_1_1::Unsuback::to_continuous_buffer),
        Version::V5 => {
            let code =
                |there: &bool| if *there { UnsubackReasonCode::Success } else { UnsubackReasonCode::NoSubscriptionExisted };
            let packet = v5_0::Unsuback::builder().packet_id(id).reason_codes(were_there.iter().map(code).collect()).build();
            made(packet, v5_0::Unsuback::to_continuous_buffer)
        }
    }
}

/// Refuses what a client of version 5 published with QoS 1.
pub fn not_published(id: u16) -> Vec<u8> {
    let packet = v5_0::Puback::builder().packet_id(id).reason_code(PubackReasonCode::NotAuthorized).build();
    made(packet, v5_0::Puback::to_continuous_buffer)
}

/// Answers a PINGREQ.
pub const fn pong() -> [u8; 2] {
    [0xd0, 0]
}

/// Says why the connection ends. Version 3.1.1 has no word for it.
pub fn goodbye(version: Version, reason: Reason) -> Vec<u8> {
    match version {
        Version::V3 => Vec::new(),
        Version::V5 => {
            let code = DisconnectReasonCode::try_from(reason as u8).unwrap_or(DisconnectReasonCode::UnspecifiedError);
            made(v5_0::Disconnect::builder().reason_code(code).build(), v5_0::Disconnect::to_continuous_buffer)
        }
    }
}

/// A message on its way out. With an id it is QoS 1.
pub fn message(version: Version, topic: &str, payload: &[u8], id: Option<u16>, retain: bool, identifiers: &[u32]) -> Vec<u8> {
    let qos = if id.is_some() { Qos::AtLeastOnce } else { Qos::AtMostOnce };
    let payload = payload.to_vec();
    match version {
        Version::V3 => {
            let built = v3_1_1::Publish::builder().topic_name(topic).and_then(|builder| {
                let builder = builder.qos(qos).retain(retain).payload(payload);
                if let Some(id) = id { builder.packet_id(id).build() } else { builder.build() }
            });
            made(built, v3_1_1::Publish::to_continuous_buffer)
        }
        Version::V5 => {
            let props: Vec<Property> =
                identifiers.iter().filter_map(|id| SubscriptionIdentifier::new(*id).ok()).map(Into::into).collect();
            let built = v5_0::Publish::builder().topic_name(topic).and_then(|builder| {
                let builder = builder.qos(qos).retain(retain).props(props).payload(payload);
                if let Some(id) = id { builder.packet_id(id).build() } else { builder.build() }
            });
            made(built, v5_0::Publish::to_continuous_buffer)
        }
    }
}
