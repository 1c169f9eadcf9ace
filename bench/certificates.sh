# Certificates for the comparisons, made once in the folder that is given: one authority for servers, one for clients, a server
# `localhost` and a client `analyst`. Sourced, not run.
leaf() { # leaf NAME AUTHORITY EXTENSIONS
    openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"
    openssl req -new -key "$1.key" -subj "/CN=$1" -out "$1.csr"
    printf '%b' "$3" >"$1.ext"
    openssl x509 -req -in "$1.csr" -CA "$2.crt" -CAkey "$2.key" -CAcreateserial -days 30 -sha256 -extfile "$1.ext" -out "$1.crt" 2>/dev/null
    chmod 600 "$1.key"
}
make_certificates() { # make_certificates FOLDER
    if [ -f "$1/done" ]; then return 0; fi
    mkdir -p "$1"
    (
        cd "$1"
        for authority in server-ca client-ca; do
            openssl ecparam -name prime256v1 -genkey -noout -out "$authority.key"
            openssl req -x509 -new -key "$authority.key" -sha256 -days 30 -subj "/CN=bench $authority" -out "$authority.crt"
        done
        leaf server server-ca 'subjectAltName = DNS:localhost, IP:127.0.0.1\nextendedKeyUsage = serverAuth\n'
        leaf analyst client-ca 'extendedKeyUsage = clientAuth\n'
        touch done
    )
}
