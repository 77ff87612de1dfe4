#include "store/redis_tls.h"

#include <arpa/inet.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

struct redis_tls {
	SSL_CTX *context;
};

static void explain_last(const char *what, char *why, size_t size)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	snprintf(why, size, "%s: %s", what,
		 reason ? reason : "no reason given");
	ERR_clear_error();
}

static bool set_up(SSL_CTX *context, const char *ca, char *why, size_t size)
{
	bool good;

	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	/* What was decrypted is wiped once it was read: it may be a key. */
	SSL_CTX_set_options(context, SSL_OP_CLEANSE_PLAINTEXT |
					     SSL_OP_NO_RENEGOTIATION |
					     SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1) {
		explain_last("TLS 1.2", why, size);
		return false;
	}
	good = ca[0] != '\0' ? SSL_CTX_load_verify_file(context, ca) == 1
			     : SSL_CTX_set_default_verify_paths(context) == 1;
	if (!good)
		explain_last(ca[0] != '\0' ? ca : "the system's authorities",
			     why, size);
	return good;
}

struct redis_tls *redis_tls_new(const char *ca, char *why, size_t size)
{
	struct redis_tls *tls = calloc(1, sizeof(*tls));

	snprintf(why, size, "no memory");
	if (!tls)
		return NULL;
	tls->context = SSL_CTX_new(TLS_client_method());
	if (!tls->context || !set_up(tls->context, ca, why, size)) {
		redis_tls_free(tls);
		return NULL;
	}
	return tls;
}

void redis_tls_free(struct redis_tls *tls)
{
	if (!tls)
		return;
	SSL_CTX_free(tls->context);
	free(tls);
}

static bool is_address(const char *name)
{
	struct in6_addr any;

	return inet_pton(AF_INET, name, &any) == 1 ||
	       inet_pton(AF_INET6, name, &any) == 1;
}

/* An address is looked for as one, and is no name for SNI (RFC 6066 3). */
static bool set_name(SSL *ssl, const char *name)
{
	if (is_address(name))
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl),
						     name) == 1;
	return SSL_set_tlsext_host_name(ssl, name) == 1 &&
	       SSL_set1_host(ssl, name) == 1;
}

struct bufferevent *redis_tls_connection(struct redis_tls *tls,
					 struct event_base *base,
					 const char *name, int options)
{
	struct bufferevent *bev;
	SSL *ssl = SSL_new(tls->context);

	if (!ssl)
		return NULL;
	if (!set_name(ssl, name)) {
		SSL_free(ssl);
		return NULL;
	}
	bev = bufferevent_openssl_socket_new(
		base, -1, ssl, BUFFEREVENT_SSL_CONNECTING, options);
	if (!bev) {
		SSL_free(ssl);
		return NULL;
	}
	/* A server that just closes has closed: what is missing is missed. */
	bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	return bev;
}

bool redis_tls_explain(struct bufferevent *bev, char *out, size_t size)
{
	SSL *ssl = bufferevent_openssl_get_ssl(bev);
	unsigned long error = bufferevent_get_openssl_error(bev);
	long verified = ssl ? SSL_get_verify_result(ssl) : X509_V_OK;
	const char *reason = error ? ERR_reason_error_string(error) : NULL;

	if (verified != X509_V_OK) {
		snprintf(out, size, "TLS: %s",
			 X509_verify_cert_error_string(verified));
		return true;
	}
	if (!error)
		return false;
	snprintf(out, size, "TLS: %s", reason ? reason : "handshake failed");
	return true;
}
