/*
 * Replaying a capture (turnpikectl capture) against a core of its own.
 *
 * What the clients sent goes in again, at its own times, and the answers are
 * put beside those of the server that was captured. Names are hashes in a
 * capture, keys and nonces are gone: each name gets a password of ours, each
 * nonce is what the core told that client last, and each message is signed
 * anew. One that was answered 401 is signed wrongly, and for one that was
 * answered 403 no peer is open, as rules are not in a capture either.
 */
#ifndef TURNPIKE_TESTS_SIM_REPLAY_H
#define TURNPIKE_TESTS_SIM_REPLAY_H

/*
 * Prints each request with both answers. Returns 0 if they were alike, 1 if
 * some were not, 2 if the file is not a capture.
 */
int replay(const char *path);

#endif
