// SPDX-License-Identifier: Apache-2.0
// Reads messages of STUN from datagrams, whole or cut off. webrtc_sessions.c knows what follows from them.
#include "stun.h"

#include <string.h>

#include <xxhash.h>

#define COOKIE 0x2112a442

/* Of the IANA registry "STUN Attributes", what is looked at. */
enum attribute_type {
	USERNAME = 0x0006,
	MESSAGE_INTEGRITY = 0x0008,
	ERROR_CODE = 0x0009,
	LIFETIME = 0x000d,
	XOR_PEER_ADDRESS = 0x0012,
	DATA = 0x0013,
	XOR_RELAYED_ADDRESS = 0x0016,
	MESSAGE_INTEGRITY_SHA256 = 0x001c,
	XOR_MAPPED_ADDRESS = 0x0020,
	PRIORITY = 0x0024,
	USE_CANDIDATE = 0x0025,
	FINGERPRINT = 0x8028,
	ICE_CONTROLLED = 0x8029,
	ICE_CONTROLLING = 0x802a,
};

struct attribute {
	uint16_t type;
	size_t len;         /* as it says */
	struct slice value; /* shorter where the datagram is cut */
};

static uint32_t number(const char *bytes, size_t len)
{
	uint32_t value = 0;

	for (size_t i = 0; i < len; i++)
		value = value << 8 | (uint8_t)bytes[i];
	return value;
}

enum datagram_kind datagram_kind(uint8_t first_byte)
{
	if (first_byte < 4)
		return DATAGRAM_STUN;
	if (first_byte >= 20 && first_byte < 64)
		return DATAGRAM_DTLS;
	if (first_byte >= 64 && first_byte < 80)
		return DATAGRAM_TURN_CHANNEL;
	return first_byte >= 128 && first_byte < 192 ? DATAGRAM_RTP : DATAGRAM_OTHER;
}

/* The four bits of the method and the two of the class stand between each other (RFC 8489 section 5). */
static void type_take(struct stun_message *message, uint16_t type)
{
	message->class = (type >> 4 & 1) | (type >> 7 & 2);
	message->method = (type & 0xf) | (type >> 1 & 0x70) | (type >> 2 & 0xf80);
}

static bool username_take(struct stun_message *message, const struct attribute *attribute)
{
	const char *value = attribute->value.data;
	const char *colon = memchr(value, ':', attribute->len);

	if (!colon)
		return false;
	message->fragments[0] = XXH3_64bits(value, (size_t)(colon - value));
	message->fragments[1] = XXH3_64bits(colon + 1, attribute->len - (size_t)(colon + 1 - value));
	return true;
}

/* XOR with the cookie, and for the rest of an IPv6 address with the transaction (section 14.2). */
static bool address_take(const struct stun_message *message, const struct attribute *attribute,
			 struct stun_address *ret_address)
{
	static const uint8_t mapped_v4[12] = {[10] = 0xff, [11] = 0xff};
	uint8_t mask[16] = {COOKIE >> 24, COOKIE >> 16 & 0xff, COOKIE >> 8 & 0xff, COOKIE & 0xff};
	const char *value = attribute->value.data;
	bool v4 = attribute->len == 8 && value[1] == 1;

	if (!v4 && (attribute->len != 20 || value[1] != 2))
		return false;
	memcpy(mask + 4, message->transaction, STUN_TRANSACTION_LEN);
	ret_address->port = number(value + 2, 2) ^ COOKIE >> 16;
	memcpy(ret_address->ip, mapped_v4, sizeof(mapped_v4));
	for (unsigned i = 0; i < attribute->len - 4; i++)
		ret_address->ip[v4 ? 12 + i : i] = (uint8_t)value[4 + i] ^ mask[i];
	return true;
}

static bool number_take(const struct attribute *attribute, uint32_t *ret_number)
{
	if (attribute->len != 4)
		return false;
	*ret_number = number(attribute->value.data, 4);
	return true;
}

static bool error_take(struct stun_message *message, const struct attribute *attribute)
{
	unsigned hundreds, rest;

	if (attribute->len < 4)
		return false;
	hundreds = attribute->value.data[2] & 7;
	rest = (uint8_t)attribute->value.data[3];
	message->error = hundreds * 100 + rest;
	return hundreds >= 3 && hundreds <= 6 && rest < 100;
}

static uint16_t attribute_bit(uint16_t type)
{
	static const struct {
		uint16_t type, bit;
	} bits[] = {
		{USERNAME, STUN_HAS_USERNAME},
		{PRIORITY, STUN_HAS_PRIORITY},
		{USE_CANDIDATE, STUN_HAS_USE_CANDIDATE},
		{ICE_CONTROLLING, STUN_HAS_CONTROLLING},
		{ICE_CONTROLLED, STUN_HAS_CONTROLLED},
		{XOR_MAPPED_ADDRESS, STUN_HAS_MAPPED},
		{XOR_RELAYED_ADDRESS, STUN_HAS_RELAYED},
		{XOR_PEER_ADDRESS, STUN_HAS_PEER},
		{ERROR_CODE, STUN_HAS_ERROR},
		{LIFETIME, STUN_HAS_LIFETIME},
		{DATA, STUN_HAS_DATA},
		{MESSAGE_INTEGRITY, STUN_HAS_INTEGRITY},
		{MESSAGE_INTEGRITY_SHA256, STUN_HAS_INTEGRITY},
		{FINGERPRINT, STUN_HAS_FINGERPRINT},
	};

	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		if (bits[i].type == type)
			return bits[i].bit;
	return 0;
}

/* False where the value is none that the type can have. */
static bool value_take(struct stun_message *message, const struct attribute *attribute)
{
	switch (attribute->type) {
	case USERNAME:
		return username_take(message, attribute);
	case PRIORITY:
		return number_take(attribute, &message->priority);
	case LIFETIME:
		return number_take(attribute, &message->lifetime);
	case XOR_MAPPED_ADDRESS:
		return address_take(message, attribute, &message->mapped);
	case XOR_RELAYED_ADDRESS:
		return address_take(message, attribute, &message->relayed);
	case XOR_PEER_ADDRESS:
		return address_take(message, attribute, &message->peer);
	case ERROR_CODE:
		return error_take(message, attribute);
	case DATA:
		message->data = attribute->value;
		message->data_len = attribute->len;
		return true;
	default:
		return true;
	}
}

/* The first of several of a type counts (section 14), and of what stands behind the integrity only the
 * fingerprint (section 14.5). A part of a value says nothing, but for the beginning of a datagram. */
static void attribute_take(struct stun_message *message, const struct attribute *attribute)
{
	uint16_t bit = attribute_bit(attribute->type);
	bool sealed = message->has & STUN_HAS_INTEGRITY && attribute->type != FINGERPRINT;

	if (sealed || message->has & bit ||
	    (attribute->value.len < attribute->len && attribute->type != DATA))
		return;
	if (value_take(message, attribute))
		message->has |= bit;
}

static enum stun_outcome attributes_read(struct slice bytes, size_t left, struct stun_message *message)
{
	while (left) {
		struct attribute attribute;
		size_t padded;

		if (bytes.len < 4)
			return STUN_CUT;
		attribute.type = number(bytes.data, 2);
		attribute.len = number(bytes.data + 2, 2);
		padded = (attribute.len + 3) & ~(size_t)3;
		if (4 + padded > left)
			return STUN_NONE;
		bytes = (struct slice){bytes.data + 4, bytes.len - 4};
		attribute.value = bytes;
		if (attribute.value.len > attribute.len)
			attribute.value.len = attribute.len;
		attribute_take(message, &attribute);
		if (bytes.len < padded)
			return STUN_CUT;
		bytes = (struct slice){bytes.data + padded, bytes.len - padded};
		left -= 4 + padded;
	}
	return STUN_WHOLE;
}

enum stun_outcome stun_read(struct slice bytes, size_t len, struct stun_message *ret_message)
{
	struct stun_message message = {0};
	enum stun_outcome outcome;
	size_t left;

	if (bytes.len < STUN_HEADER_LEN || bytes.len > len ||
	    datagram_kind((uint8_t)bytes.data[0]) != DATAGRAM_STUN || number(bytes.data + 4, 4) != COOKIE)
		return STUN_NONE;
	left = number(bytes.data + 2, 2);
	if (left % 4 || STUN_HEADER_LEN + left != len)
		return STUN_NONE;
	type_take(&message, number(bytes.data, 2));
	memcpy(message.transaction, bytes.data + 8, STUN_TRANSACTION_LEN);
	bytes = (struct slice){bytes.data + STUN_HEADER_LEN, bytes.len - STUN_HEADER_LEN};
	outcome = attributes_read(bytes, left, &message);
	if (outcome != STUN_NONE)
		*ret_message = message;
	return outcome;
}

bool stun_candidate_type(uint32_t priority, enum ice_type *ret_type)
{
	switch (priority >> 24) {
	case 126:
		*ret_type = ICE_HOST;
		return true;
	case 110:
		*ret_type = ICE_PRFLX;
		return true;
	case 100:
		*ret_type = ICE_SRFLX;
		return true;
	case 0:
		*ret_type = ICE_RELAY;
		return true;
	default:
		return false;
	}
}

bool turn_channel_read(struct slice bytes, size_t len, uint16_t *ret_channel, struct slice *ret_data,
		       size_t *ret_data_len)
{
	size_t data_len;

	if (bytes.len < 4 || bytes.len > len ||
	    datagram_kind((uint8_t)bytes.data[0]) != DATAGRAM_TURN_CHANNEL)
		return false;
	data_len = number(bytes.data + 2, 2);
	if (4 + data_len > len)
		return false;
	*ret_channel = number(bytes.data, 2);
	*ret_data = (struct slice){bytes.data + 4, bytes.len - 4 < data_len ? bytes.len - 4 : data_len};
	*ret_data_len = data_len;
	return true;
}
