// SPDX-License-Identifier: Apache-2.0
// Arrays that are searched from end to end: drivers keep a hundred statements or two.
#include "postgres_names.h"

#include <stddef.h>
#include <string.h>

#include "protocols/postgres_operation.h"

#define STATEMENTS_MIN 8
#define STATEMENTS_MAX 512

#define OPERATION_MASK 0xffULL

static uint64_t *statement_find(const struct postgres_names *names, uint64_t name)
{
	for (uint16_t i = 0; i < names->len; i++)
		if (!((names->statements[i] ^ name) & ~OPERATION_MASK))
			return &names->statements[i];
	return NULL;
}

static bool statements_grow(struct postgres_names *names, struct memory_budget *budget)
{
	uint16_t room = names->room ? names->room * 2 : STATEMENTS_MIN;
	uint64_t *statements = NULL;

	if (room <= STATEMENTS_MAX)
		statements = budget_alloc(budget, room * sizeof(*statements));
	if (!statements)
		return false;
	if (names->len)
		memcpy(statements, names->statements, names->len * sizeof(*statements));
	budget_free(budget, names->statements, names->room * sizeof(*statements));
	names->statements = statements;
	names->room = room;
	return true;
}

/* A place for one more. NULL without memory for any. */
static uint64_t *statement_add(struct postgres_names *names, struct memory_budget *budget)
{
	if (names->len < names->room || statements_grow(names, budget))
		return &names->statements[names->len++];
	if (!names->room)
		return NULL;
	names->next_statement %= names->room;
	return &names->statements[names->next_statement++];
}

void postgres_names_prepare(struct postgres_names *names, uint64_t name, uint8_t operation,
			    struct memory_budget *budget)
{
	uint64_t *statement = statement_find(names, name);

	if (!statement)
		statement = statement_add(names, budget);
	if (statement)
		*statement = (name & ~OPERATION_MASK) | operation;
}

uint8_t postgres_names_operation(const struct postgres_names *names, uint64_t name)
{
	const uint64_t *statement = statement_find(names, name);

	return statement ? *statement & OPERATION_MASK : POSTGRES_OTHER;
}

void postgres_names_close(struct postgres_names *names, uint64_t name)
{
	uint64_t *statement = statement_find(names, name);

	if (statement)
		*statement = names->statements[--names->len];
}

void postgres_names_bind(struct postgres_names *names, uint64_t name, uint8_t operation, uint64_t start_ns)
{
	struct postgres_portal *portal = postgres_names_portal(names, name);

	if (!portal)
		portal = &names->portals[names->next_portal++ % POSTGRES_PORTALS];
	*portal = (struct postgres_portal){
		.name = name, .start_ns = start_ns, .operation = operation, .open = true};
}

struct postgres_portal *postgres_names_portal(struct postgres_names *names, uint64_t name)
{
	for (unsigned i = 0; i < POSTGRES_PORTALS; i++)
		if (names->portals[i].open && names->portals[i].name == name)
			return &names->portals[i];
	return NULL;
}

void postgres_names_drop(struct postgres_names *names, struct memory_budget *budget)
{
	budget_free(budget, names->statements, names->room * sizeof(*names->statements));
	*names = (struct postgres_names){0};
}
