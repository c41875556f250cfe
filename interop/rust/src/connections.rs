//! Servers and clients with the configurations of `spiffe-rustls`, one line at a time.

use std::net::Ipv4Addr;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use rustls::pki_types::ServerName;
use serde_json::{Value, json};
use spiffe_rustls::{mtls_client, mtls_server};
use spiffe_rustls_tokio::{TlsAcceptor, TlsConnector};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy, split};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use crate::failure::Failure;
use crate::handles::{Handles, lock};
use crate::params::{number, text};
use crate::rules::to_authorizer;
use crate::sources::SOURCES;

pub static SERVERS: LazyLock<Handles<Server>> = LazyLock::new(|| Handles::new("v"));

pub struct Server {
    accepting: JoinHandle<()>,
    connections: Arc<Mutex<JoinSet<()>>>,
}

/// `server.start`
pub async fn start_server(params: Value) -> Result<Value, Failure> {
    if text(&params, "protocol")? != "line" {
        return Err(Failure::Fault("protocol: want line".to_owned()));
    }
    let mut builder = mtls_server(SOURCES.get(&params, "source")?.ready()?);
    // Without a rule the library decides what happens.
    if !params["authorize"].is_null() {
        builder = builder.authorize(to_authorizer(&params["authorize"])?);
    }
    let acceptor = TlsAcceptor::new(Arc::new(builder.build()?));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let port = listener.local_addr()?.port();
    let connections = Arc::new(Mutex::new(JoinSet::new()));
    let accepted = Arc::clone(&connections);
    let accepting = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut connections = lock(&accepted);
            while connections.try_join_next().is_some() {}
            connections.spawn(serve(acceptor.clone(), stream));
        }
    });
    let server = Server {
        accepting,
        connections,
    };
    Ok(json!({ "handle": SERVERS.add(|_| server), "port": port }))
}

/// Tells a peer what it is taken for, and sends back what it sends. Who is not let in is gone with the error.
async fn serve(acceptor: TlsAcceptor, stream: TcpStream) {
    let Ok((stream, peer)) = acceptor.accept(stream).await else {
        return;
    };
    let Ok(id) = peer.require_spiffe_id() else {
        return;
    };
    let greeting = format!("{}\n", json!({ "peer": id.to_string() }));
    let (mut reader, mut writer) = split(stream);
    if writer.write_all(greeting.as_bytes()).await.is_ok() && writer.flush().await.is_ok() {
        // However it ends, it has ended.
        let _ = copy(&mut reader, &mut writer).await;
        let _ = writer.shutdown().await;
    }
}

/// `server.stop`
pub async fn stop_server(params: Value) -> Result<Value, Failure> {
    let server = SERVERS.get(&params, "handle")?;
    let grace = match params["graceMs"] {
        Value::Null => 0,
        _ => number(&params, "graceMs")?,
    };
    server.stop(Duration::from_millis(grace)).await;
    SERVERS.take(&params);
    Ok(json!({}))
}

impl Server {
    /// Takes no more connections, and ends those that are there after a while.
    pub async fn stop(&self, grace: Duration) {
        self.accepting.abort();
        let mut connections = std::mem::take(&mut *lock(&self.connections));
        let all = async { while connections.join_next().await.is_some() {} };
        if timeout(grace, all).await.is_err() {
            connections.shutdown().await;
        }
    }
}

/// `client.connect`
pub async fn connect(params: Value) -> Result<Value, Failure> {
    let port = u16::try_from(number(&params, "port")?);
    let port = port.map_err(|_| Failure::Fault("port: want a port".to_owned()))?;
    let name = params["serverName"].as_str().unwrap_or("127.0.0.1");
    let name = ServerName::try_from(name.to_owned());
    let name = name.map_err(|_| Failure::Fault("serverName: want a name".to_owned()))?;
    let mut builder = mtls_client(SOURCES.get(&params, "source")?.ready()?);
    if !params["authorize"].is_null() {
        builder = builder.authorize(to_authorizer(&params["authorize"])?);
    }
    let connector = TlsConnector::new(Arc::new(builder.build()?));
    let connected = async {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        let (stream, peer) = connector.connect(name, stream).await?;
        let id = peer.require_spiffe_id()?.to_string();
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        if reader.read_line(&mut line).await? == 0 {
            return Err(Failure::rejected(
                "unknown",
                "the end of the connection, and no line",
            ));
        }
        Ok(json!({ "peer": id, "line": line.trim_end_matches('\n'), "resumed": false }))
    };
    let limit = Duration::from_millis(match params["timeoutMs"] {
        Value::Null => 10_000,
        _ => number(&params, "timeoutMs")?,
    });
    // The libraries leave it to the caller how long to wait.
    let answer = timeout(limit, connected).await;
    answer.unwrap_or_else(|_| Err(Failure::rejected("unknown", "no line in time")))
}
