//! PEM files into what rustls wants.

use crate::config::TlsFiles;
use crate::error::{Error, ErrorKind, Result};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::path::Path;
use std::sync::Arc;

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidConfig, message)
}

fn bad(key: &str, file: &Path, why: impl std::fmt::Display) -> Error {
    invalid(format!("`{key}` = `{}`: {why}", file.display()))
}

fn certificates(key: &str, file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let found = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<std::result::Result<Vec<_>, _>>);
    let found = found.map_err(|error| bad(key, file, error))?;
    match found.is_empty() {
        true => Err(bad(key, file, "it holds no certificate in PEM form")),
        false => Ok(found),
    }
}

/// The name to check, when one is configured.
pub(super) fn server_name(files: &TlsFiles) -> Result<Option<ServerName<'static>>> {
    let Some(name) = &files.server_name else {
        return Ok(None);
    };
    let parsed = ServerName::try_from(name.clone());
    parsed.map(Some).map_err(|_| invalid(format!("`tls_server_name` = `{name}` is neither a host name nor an address")))
}

pub(super) fn client_config(files: &TlsFiles) -> Result<Arc<ClientConfig>> {
    let provider = Arc::new(ring::default_provider());
    let refused = |error: rustls::Error| invalid(format!("`use_tls`: {error}"));
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().map_err(refused)?;
    let builder = if files.skip_verify {
        tracing::warn!("`tls_insecure_skip_verify` is set: any server is taken for the right one");
        builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyServer::new(&provider)))
    } else if let Some(file) = &files.ca {
        let mut roots = RootCertStore::empty();
        for certificate in certificates("tls_ca_file", file)? {
            roots.add(certificate).map_err(|error| bad("tls_ca_file", file, error))?;
        }
        builder.with_root_certificates(roots)
    } else {
        let verifier = rustls_platform_verifier::Verifier::new(Arc::clone(&provider)).map_err(|error| {
            invalid(format!("`use_tls`: the system's certificates cannot be used, set `tls_ca_file`: {error}"))
        })?;
        builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
    };
    let config = match &files.client {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => {
            let certificates = certificates("tls_cert_file", chain)?;
            let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| bad("tls_key_file", key, error))?;
            builder
                .with_client_auth_cert(certificates, secret)
                .map_err(|error| bad("tls_key_file", key, format!("it does not fit `tls_cert_file`: {error}")))?
        }
    };
    Ok(Arc::new(config))
}

/// Takes every certificate, but the server must own its key.
#[derive(Debug)]
struct AnyServer {
    algorithms: WebPkiSupportedAlgorithms,
}

impl AnyServer {
    fn new(provider: &CryptoProvider) -> AnyServer {
        AnyServer { algorithms: provider.signature_verification_algorithms }
    }
}

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
