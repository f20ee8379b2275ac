//! One connection to one broker: requests go out in the order of the calls and are answered in that order, so many may
//! be under way at once.

use std::collections::{HashMap, VecDeque};
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use kafka_protocol::messages::{RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable as _, Encodable as _, HeaderVersion as _, StrBytes};
use parking_lot::Mutex;
use queue::QueueError;
use runtime::{Ahead, ahead};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use super::call::Call;
use super::handshake::{Greeting, greet};
use super::stream::Stream;
use crate::options::Options;

/// The longest answer that is read.
const ANSWER_MAX: usize = 256 << 20;
/// What brokers do where they want a login and got none.
const CLOSED_AT_ONCE: &str = "it closed the connection at the first request; does it want a login (kafka.sasl)?";
/// Requests that wait for the socket.
const OUTBOX: usize = 32;

/// A connection to a broker, ready for calls.
pub struct Connection {
    client_id: StrBytes,
    timeout: Duration,
    greeting: Greeting,
    shared: Arc<Shared>,
    outbox: mpsc::Sender<Outgoing>,
    _tasks: [Ahead<()>; 2],
}

struct Shared {
    address: Arc<str>,
    pending: Mutex<Pending>,
}

#[derive(Default)]
struct Pending {
    next: i32,
    waiting: VecDeque<(i32, oneshot::Sender<Bytes>)>,
    broken: Option<QueueError>,
    /// Whether it ever answered, beyond the greeting.
    answered: bool,
}

impl Shared {
    fn fail(&self, reason: &str) {
        let mut pending = self.pending.lock();
        if pending.broken.is_none() {
            let at = self.address.to_string();
            pending.broken = Some(QueueError::Unavailable { at, reason: reason.to_owned() });
        }
        pending.waiting.clear();
    }

    fn broken(&self) -> QueueError {
        let broken = self.pending.lock().broken.clone();
        broken.unwrap_or_else(|| QueueError::Unavailable {
            at: self.address.to_string(),
            reason: "the connection was closed".to_owned(),
        })
    }
}

/// A request for the socket, and who wants to know that it was written.
struct Outgoing {
    frame: Bytes,
    written: Option<oneshot::Sender<()>>,
}

/// What is wanted of a request.
enum Wanted {
    Answer(oneshot::Sender<Bytes>),
    Written(oneshot::Sender<()>),
}

/// That a request without an answer was written.
pub struct Told {
    written: oneshot::Receiver<()>,
    shared: Arc<Shared>,
}

impl Told {
    /// Waits for it.
    ///
    /// # Errors
    /// Where the connection breaks before.
    pub async fn get(self) -> Result<(), QueueError> {
        self.written.await.map_err(|_| self.shared.broken())
    }
}

/// The answer to a request that is under way.
pub struct Reply<R> {
    receiver: oneshot::Receiver<Bytes>,
    version: i16,
    deadline: Instant,
    shared: Arc<Shared>,
    request: PhantomData<fn() -> R>,
}

impl Connection {
    /// Connects, encrypts, asks for the versions and says who we are, as the options say.
    ///
    /// # Errors
    /// `Unavailable` where nobody answers as a broker does, `Refused` where one says no.
    pub async fn open(
        address: Arc<str>,
        options: &Options,
        tls: Option<&Arc<rustls::ClientConfig>>,
    ) -> Result<Self, QueueError> {
        let deadline = Instant::now() + options.request_timeout.min(Duration::from_secs(10));
        let opening = async {
            let mut stream = Stream::connect(&address, tls).await?;
            let greeting = greet(&mut stream, &address, options).await?;
            Ok::<_, QueueError>((stream, greeting))
        };
        let opened = timeout_at(deadline, opening).await;
        let (stream, greeting) = opened.unwrap_or_else(|_| {
            let reason = "it does not answer; is the address right, and is a broker running there?".to_owned();
            Err(QueueError::Unavailable { at: address.to_string(), reason })
        })?;
        let shared = Arc::new(Shared { address, pending: Mutex::default() });
        let (outbox, frames) = mpsc::channel(OUTBOX);
        let (reader, writer) = stream.split();
        let tasks = [ahead(read(reader, shared.clone())), ahead(write(writer, frames, shared.clone()))];
        let client_id = StrBytes::from_string(options.client_id.clone());
        Ok(Self { client_id, timeout: options.request_timeout, greeting, shared, outbox, _tasks: tasks })
    }

    /// Where the broker is.
    pub fn address(&self) -> &str {
        &self.shared.address
    }

    /// Whether it can still be used.
    pub fn is_alive(&self) -> bool {
        self.shared.pending.lock().broken.is_none() && self.greeting.expires.is_none_or(|at| Instant::now() < at)
    }

    /// The version of a request that both sides know.
    ///
    /// # Errors
    /// `Refused` where there is none.
    pub fn version<R: Call>(&self) -> Result<i16, QueueError> {
        self.greeting.version::<R>(&self.shared.address)
    }

    /// Sends a request; the answer may be waited for later. Requests go out in the order of these calls.
    ///
    /// # Errors
    /// Where the connection is broken, or the broker does not know the request.
    pub async fn send<R: Call>(&self, request: &R) -> Result<Reply<R>, QueueError> {
        let version = self.version::<R>()?;
        let (sender, receiver) = oneshot::channel();
        let room = self.outbox.reserve().await.map_err(|_| self.shared.broken())?;
        self.put(room, request, version, Wanted::Answer(sender))?;
        let deadline = Instant::now() + self.timeout;
        Ok(Reply { receiver, version, deadline, shared: self.shared.clone(), request: PhantomData })
    }

    /// As [`Connection::send`], without waiting for room: there is some for a good dozen of requests.
    ///
    /// # Errors
    /// As [`Connection::send`], and where there is no room.
    pub fn send_now<R: Call>(&self, request: &R) -> Result<Reply<R>, QueueError> {
        let version = self.version::<R>()?;
        let (sender, receiver) = oneshot::channel();
        self.put(self.room()?, request, version, Wanted::Answer(sender))?;
        let deadline = Instant::now() + self.timeout;
        Ok(Reply { receiver, version, deadline, shared: self.shared.clone(), request: PhantomData })
    }

    /// Sends a request that is not answered, without waiting for room.
    ///
    /// # Errors
    /// As [`Connection::send_now`].
    pub fn tell_now<R: Call>(&self, request: &R) -> Result<Told, QueueError> {
        let (sender, written) = oneshot::channel();
        self.put(self.room()?, request, self.version::<R>()?, Wanted::Written(sender))?;
        Ok(Told { written, shared: self.shared.clone() })
    }

    /// Sends a request and waits for the answer.
    ///
    /// # Errors
    /// Where the connection breaks, the answer does not come in time, or is not understood.
    pub async fn call<R: Call>(&self, request: &R) -> Result<R::Response, QueueError> {
        self.send(request).await?.get().await
    }

    fn room(&self) -> Result<mpsc::Permit<'_, Outgoing>, QueueError> {
        self.outbox.try_reserve().map_err(|refused| match refused {
            mpsc::error::TrySendError::Closed(()) => self.shared.broken(),
            mpsc::error::TrySendError::Full(()) => QueueError::Unavailable {
                at: self.address().to_owned(),
                reason: "too many requests wait to be sent".to_owned(),
            },
        })
    }

    fn put<R: Call>(
        &self,
        room: mpsc::Permit<'_, Outgoing>,
        request: &R,
        version: i16,
        wanted: Wanted,
    ) -> Result<(), QueueError> {
        let mut frame = frame(request, version, 0, &self.client_id, &self.shared.address)?;
        let mut pending = self.shared.pending.lock();
        if let Some(broken) = &pending.broken {
            return Err(broken.clone());
        }
        let id = pending.next;
        pending.next = pending.next.wrapping_add(1) & i32::MAX;
        frame[8..12].copy_from_slice(&id.to_be_bytes());
        let written = match wanted {
            Wanted::Answer(sender) => {
                pending.waiting.push_back((id, sender));
                None
            }
            Wanted::Written(sender) => Some(sender),
        };
        // Under the lock, so that the order on the wire is that of the answers waited for.
        room.send(Outgoing { frame: frame.freeze(), written });
        Ok(())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.shared.fail("the connection was given up");
    }
}

impl<R: Call> Reply<R> {
    /// Waits for it.
    ///
    /// # Errors
    /// As [`Connection::call`].
    pub async fn get(self) -> Result<R::Response, QueueError> {
        match timeout_at(self.deadline, self.receiver).await {
            Ok(Ok(bytes)) => decode::<R>(bytes, self.version, &self.shared.address),
            Ok(Err(_)) => Err(self.shared.broken()),
            Err(_) => {
                self.shared.fail(&format!("it does not answer ({})", R::NAME));
                Err(self.shared.broken())
            }
        }
    }
}

/// A request as it goes over the wire.
pub(super) fn frame<R: Call>(
    request: &R,
    version: i16,
    id: i32,
    client_id: &StrBytes,
    at: &str,
) -> Result<BytesMut, QueueError> {
    let wrong = |error: &dyn std::fmt::Display| QueueError::Invalid(format!("{} for {at}: {error}", R::NAME));
    let size = request.compute_size(version).map_err(|error| wrong(&error))?;
    let mut out = BytesMut::with_capacity(size + client_id.len() + 32);
    out.put_i32(0);
    let header = RequestHeader::default()
        .with_request_api_key(R::KEY)
        .with_request_api_version(version)
        .with_correlation_id(id)
        .with_client_id(Some(client_id.clone()));
    header.encode(&mut out, R::header_version(version)).map_err(|error| wrong(&error))?;
    request.encode(&mut out, version).map_err(|error| wrong(&error))?;
    let len = u32::try_from(out.len() - 4).map_err(|error| wrong(&error))?;
    out[..4].copy_from_slice(&len.to_be_bytes());
    Ok(out)
}

/// The body of an answer.
pub(super) fn decode<R: Call>(mut bytes: Bytes, version: i16, at: &str) -> Result<R::Response, QueueError> {
    let read = ResponseHeader::decode(&mut bytes, R::Response::header_version(version))
        .and_then(|_| R::Response::decode(&mut bytes, version));
    read.map_err(|error| QueueError::Unavailable {
        at: at.to_owned(),
        reason: format!("its answer to {} v{version} is not understood: {error}", R::NAME),
    })
}

async fn write(mut writer: impl AsyncWrite + Unpin, mut frames: mpsc::Receiver<Outgoing>, shared: Arc<Shared>) {
    while let Some(first) = frames.recv().await {
        let mut next = Some(first);
        let mut told = Vec::new();
        let written = async {
            while let Some(outgoing) = next.take().or_else(|| frames.try_recv().ok()) {
                writer.write_all(&outgoing.frame).await?;
                told.extend(outgoing.written);
            }
            writer.flush().await
        };
        if let Err(error) = written.await {
            return shared.fail(&error.to_string());
        }
        for sender in told {
            // Whoever wanted to know may be gone.
            let _ = sender.send(());
        }
    }
}

async fn read(reader: impl AsyncRead + Unpin, shared: Arc<Shared>) {
    let mut reader = BufReader::with_capacity(64 << 10, reader);
    loop {
        let answer = match read_frame(&mut reader).await {
            Ok(answer) => answer,
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                let answered = shared.pending.lock().answered;
                return shared.fail(if answered { "it closed the connection" } else { CLOSED_AT_ONCE });
            }
            Err(error) => return shared.fail(&error.to_string()),
        };
        let mut pending = shared.pending.lock();
        pending.answered = true;
        let Some((id, sender)) = pending.waiting.pop_front() else { continue };
        if answer.get(..4) != Some(&id.to_be_bytes()[..]) {
            drop(pending);
            return shared.fail("its answers are not in the order of the requests");
        }
        // Nobody waits any more: then the answer is of no use.
        let _ = sender.send(answer);
    }
}

/// One answer: its length, then so many bytes.
pub(super) async fn read_frame(reader: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Bytes> {
    let mut len = [0u8; 4];
    reader.read_exact(&mut len).await?;
    let len = u32::from_be_bytes(len) as usize;
    if !(4..=ANSWER_MAX).contains(&len) {
        return Err(std::io::Error::other(stranger(len as u32)));
    }
    let mut body = BytesMut::with_capacity(len);
    let mut rest = reader.take(len as u64);
    while body.len() < len {
        if rest.read_buf(&mut body).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(body.freeze())
}

/// What answers with such a first word.
fn stranger(word: u32) -> String {
    match word.to_be_bytes() {
        [0x15 | 0x16, 3, ..] => "it speaks TLS on this port; set kafka.tls = true, or use its plain port".to_owned(),
        [b'H', b'T', b'T', b'P'] => "it speaks HTTP on this port; it is no Kafka broker".to_owned(),
        _ => format!("its answer would be {word} bytes long; it is no Kafka broker, or not on this port"),
    }
}

/// What versions a broker knows, by the number of the request.
pub(super) type Versions = HashMap<i16, (i16, i16)>;
