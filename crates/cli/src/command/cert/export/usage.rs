use super::recipe::{At, Live, Recipe};

const HTTPS: u16 = 7777;
const POSTGRES: u16 = 6432;
const REDIS: u16 = 6380;

impl Recipe {
    /// How to connect with the files, to be copied and run.
    pub(super) fn usage(self, at: &At<'_>) -> String {
        match self {
            Self::Libpq => at.libpq(),
            Self::Jdbc => at.jdbc(),
            Self::Node => at.node(),
            Self::Python => at.python(),
            Self::Go => at.go(),
            Self::Redis => at.redis(),
            Self::Nginx => at.nginx(),
            Self::Browser => at.browser(),
        }
    }
}

impl At<'_> {
    fn path(&self, file: &str) -> String {
        self.folder.join(file).display().to_string()
    }

    fn own(&self, ending: &str) -> String {
        self.path(&format!("{}.{ending}", self.name))
    }

    /// Certificate, key and authority, by what the first two are called in the folder.
    fn pem(&self, stem: &str, ca: &str) -> [String; 3] {
        match self.live {
            Some(Live { cert, key, cacert }) => [cert, key, cacert].map(|path| path.display().to_string()),
            None => {
                [format!("{stem}.crt"), format!("{stem}.key"), ca.to_owned()].map(|file| self.path(&file))
            }
        }
    }

    /// Where a client over HTTPS posts its queries.
    fn url(&self) -> String {
        format!("https://{}:{}/{}/query", self.host, self.port.unwrap_or(HTTPS), self.database)
    }

    fn libpq(&self) -> String {
        let [cert, key, root] = self.pem("postgresql", "root.crt");
        let (host, port, database) = (self.host, self.port.unwrap_or(POSTGRES), self.database);
        let user = self.name;
        let note = match self.live {
            Some(_) => {
                "# the files are replaced with each rotation; connections that are opened later use the new ones"
            }
            None => "# or copy the three files to ~/.postgresql, where libpq looks by itself",
        };
        format!(
            "psql \"postgresql://{user}@{host}:{port}/{database}?sslmode=verify-full&sslcert={cert}&sslkey={key}&sslrootcert={root}\"\n\
             {note}"
        )
    }

    fn jdbc(&self) -> String {
        let (p12, root, password) = (self.own("p12"), self.path("ca.crt"), self.own("password"));
        let (host, port, database) = (self.host, self.port.unwrap_or(POSTGRES), self.database);
        format!(
            "jdbc:postgresql://{host}:{port}/{database}?user={user}&sslmode=verify-full&sslkey={p12}&sslrootcert={root}&sslpassword=PASSWORD\n\
             # PASSWORD is the content of {password} (or of your --password-file); other Java clients:\n\
             # -Djavax.net.ssl.keyStore={p12} -Djavax.net.ssl.keyStoreType=PKCS12 -Djavax.net.ssl.keyStorePassword=PASSWORD",
            user = self.name
        )
    }

    fn node(&self) -> String {
        let ([cert, key, ca], url) = (self.pem(self.name, "ca.crt"), self.url());
        format!(
            "const fs = require('fs'), https = require('https');
const agent = new https.Agent({{
  cert: fs.readFileSync('{cert}'), key: fs.readFileSync('{key}'), ca: fs.readFileSync('{ca}') }});
https.request('{url}', {{ method: 'POST', agent }}, r => r.pipe(process.stdout))
  .end(JSON.stringify({{ sql: 'SELECT 1' }}));"
        )
    }

    fn python(&self) -> String {
        let ([cert, key, ca], url) = (self.pem(self.name, "ca.crt"), self.url());
        format!(
            "import json, ssl, urllib.request
context = ssl.create_default_context(cafile='{ca}')
context.load_cert_chain('{cert}', '{key}')
body = json.dumps({{'sql': 'SELECT 1'}}).encode()
print(urllib.request.urlopen(urllib.request.Request('{url}', body), context=context).read().decode())"
        )
    }

    fn go(&self) -> String {
        let ([cert, key, ca], url) = (self.pem(self.name, "ca.crt"), self.url());
        format!(
            "cert, _ := tls.LoadX509KeyPair(\"{cert}\", \"{key}\")
caPEM, _ := os.ReadFile(\"{ca}\")
pool := x509.NewCertPool()
pool.AppendCertsFromPEM(caPEM)
client := &http.Client{{Transport: &http.Transport{{TLSClientConfig: &tls.Config{{
\tCertificates: []tls.Certificate{{cert}}, RootCAs: pool, MinVersion: tls.VersionTLS13}}}}}}
resp, err := client.Post(\"{url}\", \"application/json\", strings.NewReader(`{{\"sql\":\"SELECT 1\"}}`))"
        )
    }

    fn redis(&self) -> String {
        let [cert, key, ca] = self.pem(self.name, "ca.crt");
        let port = self.port.unwrap_or(REDIS);
        format!("redis-cli -h {} -p {port} --tls --cert {cert} --key {key} --cacert {ca}", self.host)
    }

    fn nginx(&self) -> String {
        let ([cert, key, ca], host) = (self.pem(self.name, "ca.crt"), self.host);
        let port = self.port.unwrap_or(HTTPS);
        format!(
            "location / {{
    proxy_pass                    https://{host}:{port};
    proxy_ssl_certificate         {cert};
    proxy_ssl_certificate_key     {key};
    proxy_ssl_trusted_certificate {ca};
    proxy_ssl_verify              on;
    proxy_ssl_verify_depth        3;
    proxy_ssl_server_name         on;
    proxy_ssl_name                {host};
    proxy_ssl_protocols           TLSv1.3;
}}"
        )
    }

    fn browser(&self) -> String {
        let (p12, ca, password) = (self.own("p12"), self.path("ca.crt"), self.own("password"));
        let port = self.port.unwrap_or(HTTPS);
        format!(
            "import {p12} (its password is in {password}, or in your --password-file) and trust {ca}:
  Firefox        Settings > Privacy & Security > Certificates > View Certificates: Your Certificates, Authorities
  Chrome, Edge   Settings > Privacy and security > Security > Manage certificates
  macOS          security import {p12} -k ~/Library/Keychains/login.keychain-db
then open https://{}:{port}/_auth/whoami",
            self.host
        )
    }
}
