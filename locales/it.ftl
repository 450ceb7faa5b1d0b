### What error answers say. Each message exists in every locale, with the same variables.

## Reasons: `messages` of the error envelope, one for each detailCode.

bad-request-syntax = Non è stato possibile analizzare la richiesta.
bad-request-content = La richiesta è sintatticamente corretta, ma il suo contenuto non è semanticamente valido.
unauthorized = La richiesta non contiene credenziali valide per la risorsa di destinazione.
forbidden = Il server ha compreso la richiesta, ma rifiuta di autorizzarla.
not-found = Il server non ha trovato alcuna rappresentazione corrente della risorsa di destinazione.
method-not-allowed = La risorsa di destinazione non supporta il metodo della richiesta.
not-acceptable = La risorsa di destinazione non dispone di alcuna rappresentazione accettata dalla richiesta.
request-timeout = La richiesta non è arrivata per intero entro il tempo di attesa del server.
conflict = La richiesta è in conflitto con lo stato corrente della risorsa di destinazione.
precondition-failed = La risorsa di destinazione non soddisfa una precondizione della richiesta.
payload-too-large = Il contenuto della richiesta supera la dimensione massima accettata dal server.
uri-too-long = La destinazione della richiesta supera la lunghezza massima accettata dal server.
unsupported-media-type = La risorsa di destinazione non accetta il formato del contenuto della richiesta.
too-many-requests = Sono arrivate troppe richieste in poco tempo.
header-fields-too-large = I campi di intestazione della richiesta superano la dimensione massima accettata dal server.
internal-fault = Si è verificato un errore interno.
service-unavailable = Al momento il servizio non è in grado di rispondere. Riprovare più tardi.

## Causes: what exactly was wrong with the request, and what is allowed.

# $parameter: name of a query parameter; $given: its value; $min, $max: the bounds
cause-not-an-integer = «{ $parameter }» deve essere un numero intero da { $min } a { $max }, non «{ $given }».
cause-not-a-boolean = «{ $parameter }» deve essere «true» o «false», non «{ $given }».
# $times: how often it was given
cause-parameter-repeated = «{ $parameter }» può essere specificato una sola volta; numero di occorrenze: { $times }.
# $position: byte position in the query, from 1
cause-percent-encoding = Il carattere «%» alla posizione { $position } della stringa di query non è seguito da due cifre esadecimali.
# $position: byte position in the query, from 1, where the parameter begins
cause-query-not-utf8 = Il parametro alla posizione { $position } della stringa di query non è codificato in UTF-8.
# $path: the path of the request
cause-unknown-path = Non è presente nulla nel percorso «{ $path }».
# $method: the method of the request; $allowed: the methods that are supported
cause-method-not-allowed = Il metodo { $method } non è supportato qui. Metodi supportati: { $allowed }.
# $limit: bytes
cause-uri-too-long = La destinazione della richiesta può avere una lunghezza massima di { $limit } byte.
cause-payload-too-large = Il contenuto della richiesta può avere una dimensione massima di { $limit } byte.
cause-unsupported-media-type = Il contenuto non può essere di tipo «{ $given }». Tipi supportati: { $allowed }.
# $line, $column: place in the content, from 1
cause-not-json = Il contenuto non è JSON valido alla riga { $line }, colonna { $column }.
# $pointer: place in the content, a JSON pointer
cause-field-required = «{ $pointer }» è obbligatorio.
# $suggestion: the key that was probably meant
cause-unknown-field = «{ $pointer }» è sconosciuto. Si intendeva «{ $suggestion }»?
cause-not-a-string = «{ $pointer }» deve essere una stringa.
cause-not-an-object = «{ $pointer }» deve essere un oggetto.
cause-not-an-array = «{ $pointer }» deve essere un array.
cause-field-not-an-integer = «{ $pointer }» deve essere un numero intero da { $min } a { $max }, non «{ $given }».
cause-not-a-time = «{ $pointer }» deve essere una data e ora come 2026-01-31T23:59:59.000Z, compresa tra gli anni 1 e 9999, non «{ $given }».
# $allowed: the values, separated by commas
cause-not-one-of = «{ $pointer }» deve essere uno dei valori { $allowed }, non «{ $given }».
# $limit: characters
cause-text-too-long = La lunghezza massima di «{ $pointer }», in caratteri, è { $limit }.
# $limit: bytes
cause-json-too-large = «{ $pointer }» può avere una dimensione massima di { $limit } byte.
# $limit: items
cause-too-many-items = Il numero massimo di elementi di «{ $pointer }» è { $limit }.
cause-null-character = «{ $pointer }» contiene il carattere NUL (U+0000), che non può essere memorizzato.
cause-reserved-key = Le chiavi che iniziano con «{ $key }» sono riservate.
cause-number-too-long = «{ $pointer }» contiene un numero con troppe cifre. Massimo: { $limit }.
cause-reserved-id = «{ $given }» non può essere l’ID di un’attività: il valore è vuoto o corrisponde a una route dell’API.
# $given: the id in the content
cause-id-differs = L’ID nel contenuto, «{ $given }», non corrisponde a quello nel percorso.
cause-completed-without-status = «{ $pointer }» può essere impostato solo insieme a «/completionStatus».
# $allowed: the places that may be changed, separated by commas
cause-immutable = «{ $pointer }» non può essere modificato. Elementi modificabili: { $allowed }.
cause-not-a-patch-operation = «{ $pointer }» non è un’operazione di JSON Patch (RFC 6902).
cause-patch-target-missing = Non è presente nulla in «{ $pointer }» che la patch possa modificare.
cause-test-failed = La patch prevedeva un altro valore in «{ $pointer }».
# $constraint: name of a constraint of the table
cause-constraint = Il database ha rifiutato un valore: { $constraint }.
# $id: id of a task
cause-unknown-task = Non esiste alcuna attività con l’ID «{ $id }».
# $current: the ETag that the task has now
cause-etag-differs = L’attività è cambiata: il suo ETag ora è { $current }.
# $parameter: name of a query parameter
cause-parameter-required = «{ $parameter }» è obbligatorio.
cause-not-a-cursor = «{ $parameter }» deve essere un cursore proveniente da un’intestazione Link di questo elenco con gli stessi criteri di ordinamento.
# $parameter, $other: names of query parameters
cause-parameters-exclude = «{ $parameter }» non può essere specificato insieme a «{ $other }».
# $limit: bytes
cause-line-too-long = Una riga può avere una lunghezza massima di { $limit } byte.
# $limit: lines
cause-too-many-lines = Il numero massimo di righe del contenuto è { $limit }; il resto non è stato letto.
# $segment: a part of the path
cause-path-encoding = «{ $segment }», nel percorso, non è UTF-8 con codifica percentuale valida.
cause-content-incomplete = Il contenuto è terminato prima di essere completo.
cause-no-token = Manca l’intestazione “Authorization” con un token bearer.
# $limit: bytes
cause-token-too-long = Il token bearer può avere al massimo { $limit } byte.
cause-token-malformed = Il token bearer non è un JSON Web Token firmato.
cause-token-kind = Il token bearer non è un token di accesso o richiede un’estensione non supportata.
cause-token-algorithm = Il token bearer è firmato con un algoritmo a cui la sua chiave non è destinata.
cause-token-signature = Il token bearer non è firmato con una chiave considerata attendibile qui.
cause-token-expired = Il token bearer è scaduto.
cause-token-not-yet-valid = Il token bearer non è ancora valido.
cause-token-issuer = Il token bearer non proviene da un emittente considerato attendibile qui.
cause-token-audience = Il token bearer non è destinato a questo servizio.
# $claim: name of a claim
cause-token-claim = L’attestazione { $claim } del token bearer manca o non è un orario.
cause-token-no-keys = Le chiavi con cui si verificano i token bearer non sono disponibili.
cause-not-the-gateway = La richiesta non passa attraverso il gateway.
cause-no-identity = Il gateway non indica chi effettua la chiamata.
# $header: name of a header
cause-unreadable-identity = L’intestazione { $header } non è leggibile o è presente più volte.
# $requests: a number; $period: an amount of time, such as 10s
cause-too-many-requests = Sono consentite al massimo { $requests } richieste in { $period }.
cause-overloaded = Al momento sono in corso troppe richieste.
cause-database-unavailable = Il database non è raggiungibile.
cause-not-confirmed = Il database non ha confermato in tempo che la risposta è aggiornata.
# $seconds: how long was waited
cause-deadline-exceeded = La risposta non era pronta entro { $seconds } s.

## Faults of `filters` and `sorters`. $position counts characters from 1, $item sorters from 1.

cause-filter-too-long = La lunghezza del filtro, in caratteri, è { $length }; quella massima consentita è { $limit }.
# $expected: one or more of the messages below, separated by commas
cause-filter-unexpected = Posizione { $position } del filtro: «{ $found }» non può trovarsi qui. Elementi previsti: { $expected }.
cause-filter-ends-early = Posizione { $position } del filtro: il filtro termina troppo presto. Elementi previsti: { $expected }.
# $allowed: the fields, separated by commas
cause-filter-unknown-field = Posizione { $position } del filtro: il campo «{ $given }» non esiste. Campi disponibili: { $allowed }.
# $allowed: the operators, separated by commas
cause-filter-operator = Posizione { $position } del filtro: «{ $field }» non supporta l’operatore «{ $given }». Operatori supportati: { $allowed }.
# $expected, $given: one of the kinds below
cause-filter-wrong-type = Posizione { $position } del filtro: il valore confrontato con «{ $field }» non è del tipo corretto. Valore previsto: { $expected }; valore specificato: { $given }.
cause-filter-unknown-name = Posizione { $position } del filtro: «{ $given }» non è un valore di «{ $field }». Valori consentiti: { $expected }.
cause-filter-invalid-time = Posizione { $position } del filtro: «{ $given }» non è una data e ora come 2026-01-31T23:59:59Z. Se è specificata un’ora, questa deve essere seguita da «Z» o da uno scostamento da UTC, il cui «+» si scrive %2B in un URL.
cause-filter-time-out-of-range = Posizione { $position } del filtro: la data e ora «{ $given }» non è compresa tra gli anni 1 e 9999.
cause-filter-number-out-of-range = Posizione { $position } del filtro: il numero «{ $given }» non è compreso nell’intervallo da { $min } a { $max }.
cause-filter-unterminated-text = Posizione { $position } del filtro: la stringa che inizia qui non ha le virgolette doppie di chiusura.
cause-filter-unknown-escape = Posizione { $position } del filtro: una barra rovesciata deve essere seguita da un’altra barra rovesciata o da virgolette doppie.
cause-filter-null-character = Posizione { $position } del filtro: il carattere NUL (U+0000) non è consentito.
# $limit: characters
cause-filter-text-too-long = Posizione { $position } del filtro: la stringa che inizia qui è troppo lunga. Lunghezza massima, in caratteri: { $limit }.
# $limit: levels
cause-filter-too-deep = Posizione { $position } del filtro: l’annidamento di parentesi e «not» è troppo profondo. Numero massimo di livelli: { $limit }.
# $limit: comparisons
cause-filter-too-many-comparisons = Posizione { $position } del filtro: sono presenti troppi confronti. Numero massimo: { $limit }.
# $limit: values
cause-filter-too-many-values = Posizione { $position } del filtro: l’elenco contiene troppi valori. Numero massimo: { $limit }.
cause-sorter-empty = Il criterio di ordinamento { $item } è vuoto. Criteri disponibili: { $allowed }.
cause-sorter-unknown = Il criterio di ordinamento { $item }, «{ $given }», è sconosciuto. Criteri disponibili: { $allowed }, ciascuno preceduto facoltativamente da «-» per l’ordine decrescente.
cause-sorter-repeated = Il criterio di ordinamento { $item } ripete «{ $sorter }».

## Parts of the messages above: what can stand in a filter, and kinds of values.

expected-field = un campo
expected-operator = un operatore
expected-end = la fine del filtro
# $word: a word or sign of the filter language
word = «{ $word }»
kind-text = una stringa tra virgolette doppie
kind-number = un numero
kind-time = una data e ora
kind-boolean = un valore booleano
kind-null = null
# $names: the values, separated by commas
kind-enumeration = { $names }
