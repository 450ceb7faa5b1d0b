### What error answers say. Each message exists in every locale, with the same variables.

## Reasons: `messages` of the error envelope, one for each detailCode.

bad-request-syntax = Die Anfrage konnte nicht geparst werden.
bad-request-content = Die Anfrage ist syntaktisch korrekt, ihr Inhalt ist jedoch semantisch ungültig.
unauthorized = Die Anfrage enthält keine gültigen Zugangsdaten für die Zielressource.
forbidden = Der Server hat die Anfrage verstanden, verweigert jedoch die Autorisierung.
not-found = Der Server hat keine aktuelle Repräsentation der Zielressource gefunden.
method-not-allowed = Die Zielressource unterstützt die Methode der Anfrage nicht.
not-acceptable = Die Zielressource ist in keiner von der Anfrage akzeptierten Repräsentation verfügbar.
request-timeout = Die Anfrage ist nicht innerhalb der Wartezeit des Servers vollständig eingegangen.
conflict = Die Anfrage steht im Konflikt mit dem aktuellen Zustand der Zielressource.
precondition-failed = Die Zielressource erfüllt eine Vorbedingung der Anfrage nicht.
payload-too-large = Der Inhalt der Anfrage überschreitet die vom Server akzeptierte Größe.
uri-too-long = Das Anfrageziel überschreitet die vom Server akzeptierte Länge.
unsupported-media-type = Die Zielressource akzeptiert keine Inhalte im Format der Anfrage.
too-many-requests = In kurzer Zeit sind zu viele Anfragen eingegangen.
header-fields-too-large = Die Header-Felder der Anfrage überschreiten die vom Server akzeptierte Größe.
internal-fault = Es ist ein interner Fehler aufgetreten.
service-unavailable = Der Dienst kann derzeit nicht antworten. Bitte versuchen Sie es später erneut.

## Causes: what exactly was wrong with the request, and what is allowed.

# $parameter: name of a query parameter; $given: its value; $min, $max: the bounds
cause-not-an-integer = „{ $parameter }“ muss eine ganze Zahl von { $min } bis { $max } sein, nicht „{ $given }“.
cause-not-a-boolean = „{ $parameter }“ muss „true“ oder „false“ sein, nicht „{ $given }“.
# $times: how often it was given
cause-parameter-repeated = „{ $parameter }“ darf nur einmal angegeben werden, wurde jedoch { $times }-mal angegeben.
# $position: byte position in the query, from 1
cause-percent-encoding = Auf das „%“ an Position { $position } des Query-Strings folgen nicht zwei Hexadezimalziffern.
# $position: byte position in the query, from 1, where the parameter begins
cause-query-not-utf8 = Der Parameter an Position { $position } des Query-Strings ist kein gültiges UTF-8.
# $path: the path of the request
cause-unknown-path = Unter „{ $path }“ ist nichts vorhanden.
# $method: the method of the request; $allowed: the methods that are supported
cause-method-not-allowed = Die Methode { $method } wird hier nicht unterstützt. Unterstützte Methoden: { $allowed }.
# $limit: bytes
cause-uri-too-long = Das Anfrageziel darf höchstens { $limit } Byte lang sein.
cause-payload-too-large = Der Inhalt der Anfrage darf höchstens { $limit } Byte umfassen.
cause-database-unavailable = Die Datenbank ist nicht erreichbar.
# $seconds: how long was waited
cause-deadline-exceeded = Die Antwort lag nicht innerhalb von { $seconds } s vor.
