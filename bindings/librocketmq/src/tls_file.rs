//! `tls.properties`: the file that `SetProducerSslPropertyFile` names, with the keys of the old client.

use std::ffi::CStr;
use std::fs;
use std::io::ErrorKind;

/// A key of the core's configuration with its value.
type Setting = (&'static str, String);

/// What the file says, for the core. `required`: a file that is not there is an error.
pub fn read(path: &CStr, required: bool) -> Result<Vec<Setting>, String> {
    let path = path.to_str().map_err(|_| "INVALID_CONFIG: the path of the TLS properties is not UTF-8".to_owned())?;
    match fs::read_to_string(path) {
        Ok(text) => parse(&text).map_err(|why| format!("INVALID_CONFIG: `{path}`: {why}")),
        Err(error) if error.kind() == ErrorKind::NotFound && !required => Ok(Vec::new()),
        Err(error) => Err(format!("INVALID_CONFIG: `{path}` cannot be read: {error}")),
    }
}

fn parse(text: &str) -> Result<Vec<Setting>, String> {
    let mut settings = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', '!'])) {
        let (key, value) = line.split_once('=').ok_or_else(|| format!("the line `{line}` has no `=`"))?;
        let (key, value) = (key.trim(), value.trim());
        let setting = match key {
            "tls.client.trustCertPath" => ("tls_ca_file", value),
            "tls.client.certPath" => ("tls_cert_file", value),
            "tls.client.keyPath" => ("tls_key_file", value),
            // Unlike the old client this one checks servers unless it is told not to.
            "tls.client.authServer" if value == "false" => ("tls_insecure_skip_verify", "true"),
            // The one key that the old client does not have: it never looked at the name in a certificate.
            "tls.client.serverName" => ("tls_server_name", value),
            "tls.client.keyPassword" if !value.is_empty() => {
                return Err("`tls.client.keyPassword`: a key that is encrypted is not supported".to_owned());
            }
            _ => continue,
        };
        if !setting.1.is_empty() {
            settings.push((setting.0, setting.1.to_owned()));
        }
    }
    Ok(settings)
}
