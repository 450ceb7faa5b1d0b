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
cause-database-unavailable = Il database non è raggiungibile.
# $seconds: how long was waited
cause-deadline-exceeded = La risposta non era pronta entro { $seconds } s.
