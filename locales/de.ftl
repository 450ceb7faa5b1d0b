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
cause-unsupported-media-type = Der Inhalt darf nicht vom Typ „{ $given }“ sein. Zulässige Typen: { $allowed }.
# $line, $column: place in the content, from 1
cause-not-json = Der Inhalt ist in Zeile { $line }, Spalte { $column } kein gültiges JSON.
# $pointer: place in the content, a JSON pointer
cause-field-required = „{ $pointer }“ ist erforderlich.
# $suggestion: the key that was probably meant
cause-unknown-field = „{ $pointer }“ ist unbekannt. Meinten Sie „{ $suggestion }“?
cause-not-a-string = „{ $pointer }“ muss eine Zeichenkette sein.
cause-not-an-object = „{ $pointer }“ muss ein Objekt sein.
cause-not-an-array = „{ $pointer }“ muss ein Array sein.
cause-field-not-an-integer = „{ $pointer }“ muss eine ganze Zahl von { $min } bis { $max } sein, nicht „{ $given }“.
cause-not-a-time = „{ $pointer }“ muss ein Zeitpunkt wie 2026-01-31T23:59:59.000Z in den Jahren 1 bis 9999 sein, nicht „{ $given }“.
# $allowed: the values, separated by commas
cause-not-one-of = „{ $pointer }“ muss einer der Werte { $allowed } sein, nicht „{ $given }“.
# $limit: characters
cause-text-too-long = „{ $pointer }“ darf höchstens { $limit } Zeichen lang sein.
# $limit: bytes
cause-json-too-large = „{ $pointer }“ darf höchstens { $limit } Byte umfassen.
# $limit: items
cause-too-many-items = „{ $pointer }“ enthält zu viele Elemente. Höchstzahl: { $limit }.
cause-null-character = „{ $pointer }“ enthält das Zeichen NUL (U+0000), das nicht gespeichert werden kann.
cause-reserved-key = Schlüssel, die mit „{ $key }“ beginnen, sind reserviert.
cause-number-too-long = „{ $pointer }“ enthält eine Zahl mit zu vielen Ziffern. Maximum: { $limit }.
cause-reserved-id = „{ $given }“ kann nicht die ID einer Aufgabe sein: Der Wert ist leer oder eine Route der API.
# $given: the id in the content
cause-id-differs = Die ID im Inhalt, „{ $given }“, stimmt nicht mit der im Pfad überein.
cause-completed-without-status = „{ $pointer }“ kann nur zusammen mit „/completionStatus“ gesetzt werden.
# $allowed: the places that may be changed, separated by commas
cause-immutable = „{ $pointer }“ kann nicht geändert werden. Änderbar: { $allowed }.
cause-not-a-patch-operation = „{ $pointer }“ ist keine Operation von JSON Patch (RFC 6902).
cause-patch-target-missing = Unter „{ $pointer }“ ist nichts vorhanden, was der Patch ändern könnte.
cause-test-failed = Der Patch erwartet unter „{ $pointer }“ einen anderen Wert.
# $constraint: name of a constraint of the table
cause-constraint = Die Datenbank hat einen Wert abgelehnt: { $constraint }.
# $id: id of a task
cause-unknown-task = Es gibt keine Aufgabe mit der ID „{ $id }“.
# $current: the ETag that the task has now
cause-etag-differs = Die Aufgabe hat sich geändert: Der ETag-Wert lautet jetzt { $current }.
# $parameter: name of a query parameter
cause-parameter-required = „{ $parameter }“ ist erforderlich.
cause-not-a-cursor = „{ $parameter }“ muss ein Cursor aus einem Link-Header dieser Liste mit denselben Sortierkriterien sein.
# $parameter, $other: names of query parameters
cause-parameters-exclude = „{ $parameter }“ darf nicht zusammen mit „{ $other }“ angegeben werden.
# $limit: bytes
cause-line-too-long = Eine Zeile darf höchstens { $limit } Byte lang sein.
# $limit: lines
cause-too-many-lines = Der Inhalt hat zu viele Zeilen. Höchstzahl: { $limit }; der Rest wurde nicht gelesen.
# $segment: a part of the path
cause-path-encoding = „{ $segment }“ im Pfad ist kein gültiges prozentkodiertes UTF-8.
cause-content-incomplete = Der Inhalt endete, bevor er vollständig war.
cause-no-token = Der Header „Authorization“ mit einem Bearer-Token fehlt.
# $limit: bytes
cause-token-too-long = Das Bearer-Token darf höchstens { $limit } Byte lang sein.
cause-token-malformed = Das Bearer-Token ist kein signiertes JSON Web Token.
cause-token-kind = Das Bearer-Token ist kein Zugriffstoken oder benötigt eine Erweiterung, die nicht unterstützt wird.
cause-token-algorithm = Das Bearer-Token ist mit einem Algorithmus signiert, für den sein Schlüssel nicht bestimmt ist.
cause-token-signature = Das Bearer-Token ist nicht mit einem Schlüssel signiert, dem hier vertraut wird.
cause-token-expired = Das Bearer-Token ist abgelaufen.
cause-token-not-yet-valid = Das Bearer-Token ist noch nicht gültig.
cause-token-issuer = Das Bearer-Token stammt nicht von einem Aussteller, dem hier vertraut wird.
cause-token-audience = Das Bearer-Token ist nicht für diesen Dienst bestimmt.
# $claim: name of a claim
cause-token-claim = Der Claim { $claim } des Bearer-Tokens fehlt oder ist kein Zeitpunkt.
cause-token-no-keys = Die Schlüssel, mit denen Bearer-Tokens geprüft werden, sind nicht verfügbar.
cause-not-the-gateway = Die Anfrage kommt nicht über das Gateway.
cause-no-identity = Das Gateway gibt nicht an, wer anfragt.
# $header: name of a header
cause-unreadable-identity = Der Header { $header } ist nicht lesbar oder mehrfach vorhanden.
# $requests: a number; $period: an amount of time, such as 10s
cause-too-many-requests = Zulässig sind höchstens { $requests } Anfragen in { $period }.
cause-overloaded = Zurzeit werden zu viele Anfragen bearbeitet.
cause-database-unavailable = Die Datenbank ist nicht erreichbar.
cause-not-confirmed = Die Datenbank hat nicht rechtzeitig bestätigt, dass die Antwort aktuell ist.
# $seconds: how long was waited
cause-deadline-exceeded = Die Antwort lag nicht innerhalb von { $seconds } s vor.

## Faults of `filters` and `sorters`. $position counts characters from 1, $item sorters from 1.

cause-filter-too-long = Der Filter ist { $length } Zeichen lang; zulässig sind höchstens { $limit }.
# $expected: one or more of the messages below, separated by commas
cause-filter-unexpected = Position { $position } des Filters: „{ $found }“ ist hier nicht zulässig. Erwartet: { $expected }.
cause-filter-ends-early = Position { $position } des Filters: Der Filter endet zu früh. Erwartet: { $expected }.
# $allowed: the fields, separated by commas
cause-filter-unknown-field = Position { $position } des Filters: Das Feld „{ $given }“ gibt es nicht. Verfügbare Felder: { $allowed }.
# $allowed: the operators, separated by commas
cause-filter-operator = Position { $position } des Filters: „{ $field }“ unterstützt den Operator „{ $given }“ nicht. Unterstützte Operatoren: { $allowed }.
# $expected, $given: one of the kinds below
cause-filter-wrong-type = Position { $position } des Filters: Der mit „{ $field }“ verglichene Wert hat den falschen Typ. Erwartet: { $expected }; angegeben: { $given }.
cause-filter-unknown-name = Position { $position } des Filters: „{ $given }“ ist kein Wert von „{ $field }“. Zulässige Werte: { $expected }.
cause-filter-invalid-time = Position { $position } des Filters: „{ $given }“ ist kein Zeitpunkt wie 2026-01-31T23:59:59Z. Zu einer Uhrzeit gehört „Z“ oder ein UTC-Offset, dessen „+“ in einer URL als %2B geschrieben wird.
cause-filter-time-out-of-range = Position { $position } des Filters: Der Zeitpunkt „{ $given }“ liegt außerhalb der Jahre 1 bis 9999.
cause-filter-number-out-of-range = Position { $position } des Filters: Die Zahl „{ $given }“ liegt außerhalb des Bereichs von { $min } bis { $max }.
cause-filter-unterminated-text = Position { $position } des Filters: Die hier beginnende Zeichenkette hat kein schließendes doppeltes Anführungszeichen.
cause-filter-unknown-escape = Position { $position } des Filters: Auf einen Backslash muss ein weiterer Backslash oder ein doppeltes Anführungszeichen folgen.
cause-filter-null-character = Position { $position } des Filters: Das Zeichen NUL (U+0000) ist nicht zulässig.
# $limit: characters
cause-filter-text-too-long = Position { $position } des Filters: Die hier beginnende Zeichenkette ist länger als { $limit } Zeichen.
# $limit: levels
cause-filter-too-deep = Position { $position } des Filters: Klammern und „not“ sind zu tief verschachtelt. Höchstzahl der Ebenen: { $limit }.
# $limit: comparisons
cause-filter-too-many-comparisons = Position { $position } des Filters: Der Filter enthält zu viele Vergleiche. Höchstzahl: { $limit }.
# $limit: values
cause-filter-too-many-values = Position { $position } des Filters: Die Liste enthält zu viele Werte. Höchstzahl: { $limit }.
cause-sorter-empty = Sortierkriterium { $item } ist leer. Zulässige Sortierkriterien: { $allowed }.
cause-sorter-unknown = Sortierkriterium { $item }, „{ $given }“, ist unbekannt. Zulässige Sortierkriterien: { $allowed }, jeweils wahlweise mit vorangestelltem „-“ für absteigende Reihenfolge.
cause-sorter-repeated = Sortierkriterium { $item } wiederholt „{ $sorter }“.

## Parts of the messages above: what can stand in a filter, and kinds of values.

expected-field = ein Feld
expected-operator = ein Operator
expected-end = das Ende des Filters
# $word: a word or sign of the filter language
word = „{ $word }“
kind-text = eine Zeichenkette in doppelten Anführungszeichen
kind-number = eine Zahl
kind-time = ein Zeitpunkt
kind-boolean = ein boolescher Wert
kind-null = null
# $names: the values, separated by commas
kind-enumeration = { $names }
