/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/** @file page_words.c The words of pages, a table for each language. A further language is one more
 * column of words.def, one more table, and one more row of `languages` and `tags`. */

#include "request/page_words.h"

#include "base/language.h"

static const gtm_words_t english = {
    .tag = "en",
    .word =
        {
#define WORD(name, english, german) [GTM_WORD_##name] = english,
#include "request/page_words.def"
#undef WORD
        },
    .cls =
        {[GT_INVALID] = {"The request is not valid",
                         "Something in its address is missing or wrong."},
         [GT_TOO_LARGE] = {"The request is too large", "Please send less at a time."},
         [GT_UNSUPPORTED] = {"This format is not accepted", "This address takes JSON."},
         [GT_FORBIDDEN] = {"Not allowed", "You may not do this here."},
         [GT_NOT_FOUND] = {"Not found", "There is nothing at this address."},
         [GT_METHOD] = {"No page to look at", "This address is meant for applications."},
         [GT_CONFLICT] = {"This does not fit what is stored",
                          "Another account may have been used before."},
         [GT_LIMITED] = {"Too many requests", "Please wait a moment and try again."},
         [GT_SIGN_IN] = {"Please sign in", "This page needs to know who you are."},
         [GT_INTERACTION] = {"Please sign in once more",
                             "Your organisation wants to make sure that it is you, or asks for "
                             "your consent."},
         [GT_OVER] = {"This sign-in is over", "It was begun in another browser, took too long, or "
                                              "was finished before. Please sign in again."},
         [GT_REFUSED] = {"Refused by the provider", "The provider did not allow this."},
         [GT_CLIENT_BROKEN] = {"Sign-in does not work at the moment",
                               "This server's registration at the provider is not accepted. Please "
                               "tell its administrator the code below."},
         [GT_THROTTLED] = {"The provider asks us to wait", "Please try again in a moment."},
         [GT_UPSTREAM] = {"The provider failed or cannot be reached",
                          "Please try again in a moment."},
         [GT_TIMEOUT] = {"The provider did not answer in time", "Please try again in a moment."},
         [GT_STORE_AWAY] = {"The database cannot be reached", "Please try again in a moment."},
         [GT_BUSY] = {"Too busy at the moment", "Please try again in a moment."},
         [GT_CANCELLED] = {"The request was cancelled", "Please try again."},
         [GT_DAMAGED] = {"A stored value cannot be read",
                         "Please tell this server's administrator the code below."},
         [GT_INTERNAL] = {"Something went wrong on this server",
                          "Please tell its administrator the code below."}},
    .hint = {[GT_HINT_CANCELLED] = {"Sign-in cancelled", "You can sign in whenever you like."},
             [GT_HINT_ACCOUNT] = {"This account cannot sign in here",
                                  "Your organisation, the provider or this server does not let it "
                                  "in. Another account may do; your administrator finds the reason "
                                  "by the code below."}}};

static const gtm_words_t german = {
    .tag = "de",
    .word =
        {
#define WORD(name, english, german) [GTM_WORD_##name] = german,
#include "request/page_words.def"
#undef WORD
        },
    .cls =
        {[GT_INVALID] = {"Die Anfrage ist nicht gültig",
                         "In ihrer Adresse fehlt etwas, oder etwas ist falsch."},
         [GT_TOO_LARGE] = {"Die Anfrage ist zu groß", "Bitte senden Sie weniger auf einmal."},
         [GT_UNSUPPORTED] = {"Dieses Format wird nicht angenommen", "Diese Adresse nimmt JSON an."},
         [GT_FORBIDDEN] = {"Nicht erlaubt", "Das dürfen Sie hier nicht."},
         [GT_NOT_FOUND] = {"Nicht gefunden", "Unter dieser Adresse gibt es nichts."},
         [GT_METHOD] = {"Keine Seite zum Ansehen", "Diese Adresse ist für Anwendungen gedacht."},
         [GT_CONFLICT] = {"Das passt nicht zu dem, was gespeichert ist",
                          "Vielleicht wurde vorher ein anderes Konto benutzt."},
         [GT_LIMITED] = {"Zu viele Anfragen",
                         "Bitte warten Sie einen Moment und versuchen Sie es noch einmal."},
         [GT_SIGN_IN] = {"Bitte melden Sie sich an", "Diese Seite muss wissen, wer Sie sind."},
         [GT_INTERACTION] = {"Bitte melden Sie sich noch einmal an",
                             "Ihre Organisation möchte sichergehen, dass Sie es sind, oder "
                             "braucht Ihre Zustimmung."},
         [GT_OVER] = {"Diese Anmeldung gilt nicht mehr",
                      "Sie wurde in einem anderen Browser begonnen, hat zu lange gedauert oder war "
                      "schon abgeschlossen. Bitte melden Sie sich neu an."},
         [GT_REFUSED] = {"Vom Anbieter abgelehnt", "Der Anbieter hat das nicht erlaubt."},
         [GT_CLIENT_BROKEN] =
             {"Die Anmeldung ist zurzeit nicht möglich",
              "Der Anbieter nimmt die Registrierung dieses Servers nicht an. Bitte "
              "nennen Sie dem Administrator den Code unten."},
         [GT_THROTTLED] = {"Der Anbieter bittet um Geduld",
                           "Bitte versuchen Sie es gleich noch einmal."},
         [GT_UPSTREAM] = {"Der Anbieter ist gestört oder nicht erreichbar",
                          "Bitte versuchen Sie es gleich noch einmal."},
         [GT_TIMEOUT] = {"Der Anbieter hat nicht rechtzeitig geantwortet",
                         "Bitte versuchen Sie es gleich noch einmal."},
         [GT_STORE_AWAY] = {"Die Datenbank ist nicht erreichbar",
                            "Bitte versuchen Sie es gleich noch einmal."},
         [GT_BUSY] = {"Gerade ist zu viel los", "Bitte versuchen Sie es gleich noch einmal."},
         [GT_CANCELLED] = {"Die Anfrage wurde abgebrochen", "Bitte versuchen Sie es noch einmal."},
         [GT_DAMAGED] = {"Ein gespeicherter Wert ist nicht lesbar",
                         "Bitte nennen Sie dem Administrator dieses Servers den Code unten."},
         [GT_INTERNAL] = {"Auf diesem Server ist etwas schiefgegangen",
                          "Bitte nennen Sie dem Administrator den Code unten."}},
    .hint = {[GT_HINT_CANCELLED] = {"Anmeldung abgebrochen",
                                    "Sie können sich jederzeit wieder anmelden."},
             [GT_HINT_ACCOUNT] = {"Dieses Konto kann sich hier nicht anmelden",
                                  "Ihre Organisation, der Anbieter oder dieser Server lässt es "
                                  "nicht zu. Vielleicht geht es mit einem anderen Konto; den Grund "
                                  "findet Ihr Administrator mit dem Code unten."}}};

static const gtm_words_t *const languages[] = {&english, &german};
static const char *const tags[] = {"en", "de", NULL};

const gtm_words_t *gtm_words(const request_rec *r)
{
    return languages[gt_language_choose(apr_table_get(r->headers_in, "Accept-Language"), tags)];
}
