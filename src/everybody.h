/*
 * everybody.h: what is known of all customers beside their order lines.
 */
#ifndef RECO_EVERYBODY_H
#define RECO_EVERYBODY_H

#include "postgres.h"

#include "answering.h"
#include "consent.h"
#include "idmap.h"
#include "offers.h"
#include "ragged.h"

typedef enum RecoEverybodyList
{
	RECO_EVERYBODY_LABELS,		/* int32, a customer's attributes */
	RECO_EVERYBODY_FRIENDS,		/* int32, a customer's: rows of the friends' lines */
	RECO_EVERYBODY_OPINIONS,	/* RecoOpinion, a customer's */
	RECO_EVERYBODY_VIEWS,		/* RecoView, of a customer's session */
	RECO_EVERYBODY_AUDIENCES,	/* int32, a customer's: of offers */
	RECO_EVERYBODY_FRIEND_LINES,	/* RecoLine, a friend's, in whatever order */
	RECO_EVERYBODY_OFFERS,		/* RecoOffer, an item's: what may count for somebody */
	RECO_EVERYBODY_LISTS
} RecoEverybodyList;

#define RECO_EVERYBODY_BY_CUSTOMER RECO_EVERYBODY_FRIEND_LINES	/* lists before it have a row for each customer */

/* Plain memory, which processes may share.  Without rows: nothing of the kind is known. */
typedef struct RecoEverybody
{
	RecoRagged	lists[RECO_EVERYBODY_LISTS];
} RecoEverybody;

extern void reco_everybody_read(const RecoAnswering *a, const RecoIdMap *users, const RecoIdMap *items,
								const RecoConsents *consents, RecoBudget *budget, RecoEverybody *everybody);
extern bool reco_everybody_is_known(const RecoEverybody *everybody);
extern RecoOffers reco_everybody_offers(const RecoEverybody *everybody, int32 user);
extern void reco_everybody_tell(const RecoEverybody *everybody, int32 user, RecoEvidence *evidence);

#endif							/* RECO_EVERYBODY_H */
