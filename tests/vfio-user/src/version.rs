// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The capabilities in a VERSION message.

use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::protocol::{DMA_PAGE, MAX_DMA_WINDOWS, MAX_FDS, MAX_TRANSFER};

/// The JSON object of a VERSION message. Unknown names are ignored.
#[derive(Debug, Default, Deserialize, Serialize)]
struct VersionData {
    #[serde(default)]
    capabilities: Capabilities,
}

/// Capabilities that this server understands; `None` is a name that was not sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Capabilities {
    /// Most descriptors that the sender takes in one message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_msg_fds: Option<u64>,
    /// Most bytes that the sender takes in one access.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_data_xfer_size: Option<u64>,
    /// Most DMA windows at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_dma_maps: Option<u64>,
    /// Page sizes of DMA windows, or'ed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pgsizes: Option<u64>,
    /// REGION_WRITE_MULTI is understood.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write_multiple: Option<bool>,
}

impl Capabilities {
    /// Reads the version data of a client; empty data means all defaults.
    ///
    /// # Errors
    /// `EINVAL` if it is not JSON of the right form.
    pub fn parse(json: &[u8]) -> Result<Self, Errno> {
        if json.is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_slice::<VersionData>(json)
            .map(|data| data.capabilities)
            .map_err(|_| Errno::INVAL)
    }

    /// Our answer: our limits, for those names only that the client sent.
    pub fn answer(&self) -> Self {
        Self {
            max_msg_fds: self.max_msg_fds.map(|_| MAX_FDS as u64),
            max_data_xfer_size: self.max_data_xfer_size.map(|_| MAX_TRANSFER as u64),
            max_dma_maps: self.max_dma_maps.map(|_| MAX_DMA_WINDOWS as u64),
            pgsizes: self.pgsizes.map(|_| DMA_PAGE),
            write_multiple: self.write_multiple,
        }
    }

    /// The answer as version data, with its NUL.
    pub fn encode(&self) -> Vec<u8> {
        let data = VersionData {
            capabilities: *self,
        };
        let mut bytes = serde_json::to_vec(&data).unwrap_or_default();
        bytes.push(0);
        bytes
    }

    /// Bytes that the client takes in one access.
    pub fn transfer_limit(&self) -> usize {
        let stated = self.max_data_xfer_size.unwrap_or(MAX_TRANSFER as u64);
        usize::try_from(stated)
            .unwrap_or(MAX_TRANSFER)
            .min(MAX_TRANSFER)
    }

    /// Descriptors that the client takes in one message; 1 if it did not say.
    pub fn fd_limit(&self) -> u64 {
        self.max_msg_fds.unwrap_or(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_when_names_are_unknown_then_ignores_them() {
        let json = br#"{"capabilities":{"max_msg_fds":2,"migration":{"pgsize":4096}},"x":[1]}"#;

        let capabilities = Capabilities::parse(json).unwrap();

        assert_eq!(capabilities.fd_limit(), 2);
        assert_eq!(capabilities.transfer_limit(), MAX_TRANSFER);
    }

    #[test]
    fn parse_when_not_json_then_invalid() {
        for json in [
            &b"{"[..],
            b"3",
            b"\xff\xfe",
            br#"{"capabilities":3}"#,
            b"{}x",
        ] {
            assert_eq!(Capabilities::parse(json), Err(Errno::INVAL));
        }
        let wrong_type = br#"{"capabilities":{"max_msg_fds":"many"}}"#;
        assert_eq!(Capabilities::parse(wrong_type), Err(Errno::INVAL));
    }

    #[test]
    fn parse_when_nested_deeply_then_invalid() {
        let mut json = br#"{"x":"#.to_vec();
        json.extend(vec![b'['; 100_000]);

        assert_eq!(Capabilities::parse(&json), Err(Errno::INVAL));
    }

    #[test]
    fn answer_when_name_was_not_sent_then_it_is_not_answered() {
        let client = Capabilities {
            max_dma_maps: Some(3),
            ..Capabilities::default()
        };

        let text = client.answer().encode();

        assert_eq!(text, b"{\"capabilities\":{\"max_dma_maps\":8192}}\0");
    }
}
