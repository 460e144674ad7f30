/*
 * assignment.c: which arm of an experiment a unit is in, by nothing but the experiment's salt and the unit's key.
 *
 * SipHash-2-4 (Aumasson and Bernstein 2012) is a pseudorandom function of its key: hashes under two keys have nothing to do
 * with one another, hence the arms of two experiments have not, and nobody steers who comes where by choosing keys of
 * customers.  It is written out here, and reads its input byte by byte: another platform, or another version of the server,
 * would otherwise one day move customers between arms.
 *
 * The key is the hash of the salt under two keys that never change.  The upper 53 bits of a unit's hash are a fraction from 0
 * on, below 1, and the arm is the first whose shares up to it exceed that.
 */
#include "assignment.h"

static const uint64_t salt_keys[2][2] = {{0, 0}, {0, 1}};

static uint64_t
rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static void
mix(uint64_t v[4], int rounds)
{
	while (rounds-- > 0)
	{
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] = rotate(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] = rotate(v[2], 32);
	}
}

static void
absorb(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	mix(v, 2);
	v[0] ^= word;
}

/* SipHash-2-4 of some bytes. */
uint64_t
reco_assignment_hash(const uint64_t key[2], const void *bytes, size_t length)
{
	const uint8_t *in = bytes;
	uint64_t	v[4] = {key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du,
	key[0] ^ 0x6c7967656e657261u, key[1] ^ 0x7465646279746573u};
	uint64_t	word = 0;
	size_t		i;

	for (i = 0; i < length; i++)
	{
		word |= (uint64_t) in[i] << 8 * (i % 8);
		if (i % 8 < 7)
			continue;
		absorb(v, word);
		word = 0;
	}
	absorb(v, word | (uint64_t) (length & 0xff) << 56);
	v[2] ^= 0xff;
	mix(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* Prepare for the units of an experiment with so many arms, at most RECO_MAX_ARMS, of positive weights. */
void
reco_assignment_begin(RecoAssignment *assignment, const char *salt, size_t length, const double *weights, int arms)
{
	double		sum = 0;
	double		upto = 0;
	int			i;

	for (i = 0; i < 2; i++)
		assignment->key[i] = reco_assignment_hash(salt_keys[i], salt, length);
	for (i = 0; i < arms; i++)
		sum += weights[i];
	assignment->arms = arms;
	for (i = 0; i < arms; i++)
		assignment->upto[i] = (upto += weights[i]) / sum;
}

/* The arm of a unit, by the text form of its key. */
int
reco_assignment_arm(const RecoAssignment *assignment, const char *unit, size_t length)
{
	double		place = (double) (reco_assignment_hash(assignment->key, unit, length) >> 11) / 9007199254740992.0;
	int			arm = 0;

	while (arm < assignment->arms - 1 && place >= assignment->upto[arm])
		arm++;
	return arm;
}
