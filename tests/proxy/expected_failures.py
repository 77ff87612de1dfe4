"""What comparison.conf fails, with the probe that says so: whole tests, or
cases of one (the text in brackets). Each must fail: one that passes is an
error, and so is a name here that no test has."""

ALL = None

# (why, {test: cases})
FAILS = [
    ("P1: what a client says about addresses is believed and passed on", {
        "test_header_is_stripped": [
            "X-Forwarded-For", "X-Real-IP", "Forwarded", "Via", "Metadata",
            "Metadata-Flavor", "X-Forwarded-Host", "X-Forwarded-Proto",
            "X-Client-IP", "True-Client-IP", "X-aws-ec2-metadata-token"],
        "test_client_is_not_told": ALL,
        "test_host_is_upstreams": ALL,
    }),
    ("P2: every OPTIONS is answered here, with a pair browsers reject", {
        "test_methods": ALL,
        "test_preflight_of_listed_page": ALL,
        "test_preflight_of_other_page_is_upstreams": ALL,
        "test_preflight_of_refused_host": ALL,
        "test_options_without_preflight_is_upstreams": ALL,
    }),
    ("P3: certificates of upstreams are not checked", {
        "test_bad_upstream": [
            "wrong-name", "self-signed", "expired", "unknown-ca"],
    }),
    ("P4: no TLS 1.3 with upstreams", {
        "test_good_upstream": ["tls13"],
    }),
    ("P5, P6, P24: any host and port, literal addresses by the decoded path", {
        "test_bypass": [
            "address-escaped-slash", "address-port", "address-decimal",
            "address-short", "address-ipv6", "user", "user-before-allowed",
            "colon-escaped", "backslash", "backslash-user", "upper-case",
            "upper-case-port", "idn", "label-of-300", "name-of-300",
            "port-22", "port-443", "port-in-use", "percent-in-name",
            "slash-escaped", "double-slash", "dot-segment", "empty-label",
            "leading-dot", "leading-hyphen", "underscore", "star",
            "suffix-alone", "suffix-not-a-label", "suffix-in-front",
            "fragment", "root", "location-name-host",
            "absolute-form-allowed"],
        "test_foreign_host": ALL,
        "test_host_header_chooses_nothing": ALL,
        "test_upgrade_of_refused_host": ALL,
    }),
    ("P7 to P11: redirects are followed here, or leave the proxy", {
        "test_to_allowed_host": ALL,
        "test_to_same_host_by_path": ALL,
        "test_to_foreign_host": ALL,
        "test_to_address_by_http": ALL,
        "test_without_location": ["301", "302", "307"],
        "test_to_what_browsers_read_differently": ALL,
        "test_relative_to_the_path": ALL,
        "test_forms_of_an_allowed_host": ALL,
        "test_method_and_body_are_not_replayed": ALL,
    }),
    ("P12: 400 and 405 of upstream become nginx's 404", {
        "test_error_is_unchanged": ["400", "405"],
        "test_upstream_wins": [
            "400-https://app.example.com", "400-https://evil.example.org",
            "400-None"],
    }),
    ("P13, P14: no CORS header on answers, nginx's own included", {
        "test_upstream_says_nothing": ALL,
        "test_upstream_sends_credentials_only": ALL,
        "test_errors_of_the_proxy": ALL,
        "test_errors_of_limits": ALL,
    }),
    ("P15: a WebSocket is cut after 60 s; any upgrade is passed on", {
        "test_idle_for_90_s": ALL,
        "test_other_upgrades_are_not_passed": ALL,
    }),
    ("P16: the path is decoded, normalized and encoded again", {
        # Places in the corpus of test_path.py.
        "test_path_is_unchanged": [
            "1", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "21",
            "22", "23", "24", "25", "26"],
        "test_path_is_unchanged_over_http2": ALL,
    }),
    ("P17: no TLS 1.3 with clients, old ciphers, any name", {
        "test_version_is_spoken": ["-tls1_3-TLSv1.3"],
        "test_old_cipher_is_refused": [
            "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384"],
        "test_no_session_tickets": ALL,
        "test_unknown_name_is_turned_away": ALL,
    }),
    ("P18: headers above 8 KB are refused", {
        "test_header_size": ALL,
        "test_large_tokens": ALL,
        "test_large_headers_of_upstream": ALL,
    }),
    ("P19: loops", {
        "test_own_name_is_refused": ALL,
    }),
    ("P20, P23: no limit per client, and 60 s for one that dribbles", {
        "test_request_rate": ALL,
        "test_forwarded_requests_count": ALL,
        "test_connections": ALL,
        "test_header_dribble_is_cut": ALL,
        "test_silent_client_is_cut": ALL,
        "test_body_stall_is_cut": ALL,
    }),
    ("P21: tokens in the logs", {
        "test_no_secret_in_any_log": ALL,
    }),
    ("P22: the distribution's page, with nginx's version", {
        "test_says_little_about_itself": ALL,
    }),
    ("not probed: bodies are buffered; upstreams speak for the whole name", {
        "test_answer_streams": ALL,
        "test_request_streams": ALL,
        "test_cookies_stay_with_their_host": ALL,
        "test_what_speaks_for_a_whole_name_is_dropped": ALL,
        "test_upstream_cannot_redirect_inside": ALL,
    }),
]


def names():
    return {test for _, tests in FAILS for test in tests}


def reason(test, case):
    """Why a case of a test must fail, or None if it must pass."""
    for why, tests in FAILS:
        if test in tests and (tests[test] is ALL or case in tests[test]):
            return why
    return None
