//! Asks servers whether they are there, in their own protocols.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

/// A server that takes longer is not ready, or paused.
const PATIENCE: Duration = Duration::from_secs(5);

fn connect(address: &str) -> Result<TcpStream> {
    let address: SocketAddr = address.parse().with_context(|| format!("'{address}' is no address"))?;
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Sends some bytes and expects an answer that begins so.
pub fn says(address: &str, question: &str, answer: &str) -> Result<()> {
    let mut stream = connect(address)?;
    stream.write_all(question.as_bytes())?;
    let mut said = vec![0; answer.len()];
    stream.read_exact(&mut said)?;
    ensure!(said == answer.as_bytes(), "answers {:?}", String::from_utf8_lossy(&said));
    Ok(())
}

/// Sends a request, and expects a good status. Answers the body.
pub fn http(url: &str, body: Option<(&str, &str)>) -> Result<String> {
    let agent = ureq::Agent::new_with_config(ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).build());
    let mut answer = match body {
        Some((kind, body)) => agent.post(url).header("content-type", kind).send(body)?,
        None => agent.get(url).call()?,
    };
    Ok(answer.body_mut().read_to_string()?)
}

/// How many brokers a Kafka broker knows, with a controller among them.
pub fn kafka(address: &str) -> Result<u32> {
    let mut stream = connect(address)?;
    // Metadata (3), version 1: length, key, version, correlation, client, and an empty list of topics.
    let request = [&[0, 0, 0, 19, 0, 3, 0, 1, 0, 0, 0, 7, 0, 5][..], b"probe", &[0, 0, 0, 0]].concat();
    stream.write_all(&request)?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = usize::try_from(u32::from_be_bytes(length))?;
    ensure!((12..65_536).contains(&length), "answers {length} bytes");
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer)?;
    brokers(&answer).context("an answer that breaks off")?
}

/// Of an answer without its length.
fn brokers(answer: &[u8]) -> Option<Result<u32>> {
    let number = |at: usize| Some(u32::from_be_bytes(answer.get(at..at + 4)?.try_into().ok()?));
    let text = |at: usize| Some(i16::from_be_bytes(answer.get(at..at + 2)?.try_into().ok()?).max(0).unsigned_abs());
    let count = number(4)?;
    let mut at = 8;
    for _ in 0..count {
        // Id, host, port, rack.
        at += 4;
        at += 2 + usize::from(text(at)?);
        at += 4;
        at += 2 + usize::from(text(at)?);
    }
    let controller = i32::from_be_bytes(answer.get(at..at + 4)?.try_into().ok()?);
    Some(if controller < 0 { controllerless() } else { Ok(count) })
}

fn controllerless() -> Result<u32> {
    bail!("there is no controller yet")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_brokers() {
        let broker = |id: u8| [&[0, 0, 0, id, 0, 1][..], b"h", &[0, 0, 35, 132, 255, 255]].concat();
        let answer = |controller: i32| {
            [&[0, 0, 0, 7, 0, 0, 0, 2][..], &broker(1), &broker(2), &controller.to_be_bytes(), &[0; 4]].concat()
        };
        assert_eq!(brokers(&answer(1)).unwrap().unwrap(), 2);
        assert!(brokers(&answer(-1)).unwrap().is_err());
        assert!(brokers(&answer(1)[..20]).is_none());
    }
}
