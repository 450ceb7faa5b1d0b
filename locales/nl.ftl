### What error answers say. Each message exists in every locale, with the same variables.

## Reasons: `messages` of the error envelope, one for each detailCode.

bad-request-syntax = Het verzoek kon niet worden geparseerd.
bad-request-content = Het verzoek is syntactisch correct, maar de inhoud is semantisch ongeldig.
unauthorized = Het verzoek bevat geen geldige authenticatiegegevens voor de doelresource.
forbidden = De server heeft het verzoek begrepen, maar weigert het te autoriseren.
not-found = De server heeft geen actuele representatie van de doelresource gevonden.
method-not-allowed = De doelresource ondersteunt de methode van het verzoek niet.
not-acceptable = De doelresource heeft geen representatie die door het verzoek wordt geaccepteerd.
request-timeout = Het verzoek is niet volledig ontvangen binnen de wachttijd van de server.
conflict = Het verzoek conflicteert met de huidige toestand van de doelresource.
precondition-failed = De doelresource voldoet niet aan een preconditie van het verzoek.
payload-too-large = De inhoud van het verzoek is groter dan de server accepteert.
uri-too-long = Het doeladres van het verzoek is langer dan de server accepteert.
unsupported-media-type = De doelresource accepteert geen inhoud in het formaat van het verzoek.
too-many-requests = Er zijn in korte tijd te veel verzoeken binnengekomen.
header-fields-too-large = De headervelden van het verzoek zijn groter dan de server accepteert.
internal-fault = Er is een interne fout opgetreden.
service-unavailable = De service kan op dit moment niet reageren. Probeer het later opnieuw.

## Causes: what exactly was wrong with the request, and what is allowed.

# $parameter: name of a query parameter; $given: its value; $min, $max: the bounds
cause-not-an-integer = “{ $parameter }” moet een geheel getal van { $min } tot en met { $max } zijn, niet “{ $given }”.
cause-not-a-boolean = “{ $parameter }” moet “true” of “false” zijn, niet “{ $given }”.
# $times: how often it was given
cause-parameter-repeated = “{ $parameter }” mag slechts één keer worden opgegeven, maar is { $times } keer opgegeven.
# $position: byte position in the query, from 1
cause-percent-encoding = Het teken “%” op positie { $position } van de querystring wordt niet gevolgd door twee hexadecimale cijfers.
# $position: byte position in the query, from 1, where the parameter begins
cause-query-not-utf8 = De parameter op positie { $position } van de querystring is geen geldige UTF-8.
# $path: the path of the request
cause-unknown-path = Er is niets te vinden op “{ $path }”.
# $method: the method of the request; $allowed: the methods that are supported
cause-method-not-allowed = De methode { $method } wordt hier niet ondersteund. Ondersteunde methoden: { $allowed }.
# $limit: bytes
cause-uri-too-long = De maximale lengte van het doeladres van het verzoek, in bytes, is { $limit }.
cause-payload-too-large = De maximale grootte van de inhoud van het verzoek, in bytes, is { $limit }.
cause-unsupported-media-type = De inhoud mag niet van het type “{ $given }” zijn. Ondersteunde typen: { $allowed }.
# $line, $column: place in the content, from 1
cause-not-json = De inhoud is geen geldige JSON op regel { $line }, kolom { $column }.
# $pointer: place in the content, a JSON pointer
cause-field-required = “{ $pointer }” is verplicht.
# $suggestion: the key that was probably meant
cause-unknown-field = “{ $pointer }” is onbekend. Wordt “{ $suggestion }” bedoeld?
cause-not-a-string = “{ $pointer }” moet een string zijn.
cause-not-an-object = “{ $pointer }” moet een object zijn.
cause-not-an-array = “{ $pointer }” moet een array zijn.
cause-field-not-an-integer = “{ $pointer }” moet een geheel getal van { $min } tot en met { $max } zijn, niet “{ $given }”.
cause-not-a-time = “{ $pointer }” moet een tijdstip zoals 2026-01-31T23:59:59.000Z zijn, in de jaren 1 tot en met 9999, niet “{ $given }”.
# $allowed: the values, separated by commas
cause-not-one-of = “{ $pointer }” moet een van de waarden { $allowed } zijn, niet “{ $given }”.
# $limit: characters
cause-text-too-long = De maximale lengte van “{ $pointer }”, in tekens, is { $limit }.
# $limit: bytes
cause-json-too-large = De maximale grootte van “{ $pointer }”, in bytes, is { $limit }.
# $limit: items
cause-too-many-items = Het maximale aantal elementen van “{ $pointer }” is { $limit }.
cause-null-character = “{ $pointer }” bevat het teken NUL (U+0000), dat niet kan worden opgeslagen.
cause-reserved-key = Sleutels die met “{ $key }” beginnen, zijn gereserveerd.
cause-number-too-long = “{ $pointer }” bevat een getal met te veel cijfers. Maximum: { $limit }.
cause-reserved-id = “{ $given }” kan niet de id van een taak zijn: de waarde is leeg of is een route van de API.
# $given: the id in the content
cause-id-differs = De id in de inhoud, “{ $given }”, komt niet overeen met die in het pad.
cause-completed-without-status = “{ $pointer }” kan alleen samen met “/completionStatus” worden ingesteld.
# $allowed: the places that may be changed, separated by commas
cause-immutable = “{ $pointer }” kan niet worden gewijzigd. Wel te wijzigen: { $allowed }.
cause-not-a-patch-operation = “{ $pointer }” is geen bewerking van JSON Patch (RFC 6902).
cause-patch-target-missing = Op “{ $pointer }” is niets te vinden wat de patch kan wijzigen.
cause-test-failed = De patch verwachtte een andere waarde op “{ $pointer }”.
# $constraint: name of a constraint of the table
cause-constraint = De database heeft een waarde geweigerd: { $constraint }.
# $id: id of a task
cause-unknown-task = Er is geen taak met de id “{ $id }”.
# $current: the ETag that the task has now
cause-etag-differs = De taak is gewijzigd: de ETag is nu { $current }.
# $parameter: name of a query parameter
cause-parameter-required = “{ $parameter }” is verplicht.
cause-not-a-cursor = “{ $parameter }” moet een cursor zijn uit een Link-header van deze lijst met dezelfde sorteercriteria.
# $parameter, $other: names of query parameters
cause-parameters-exclude = “{ $parameter }” mag niet samen met “{ $other }” worden opgegeven.
# $limit: bytes
cause-line-too-long = De maximale lengte van een regel, in bytes, is { $limit }.
# $limit: lines
cause-too-many-lines = Het maximale aantal regels van de inhoud is { $limit }; de rest is niet gelezen.
# $segment: a part of the path
cause-path-encoding = “{ $segment }” in het pad is geen geldige procentgecodeerde UTF-8.
cause-content-incomplete = De inhoud eindigde voordat deze volledig was.
cause-no-token = De header “Authorization” met een bearer-token ontbreekt.
# $limit: bytes
cause-token-too-long = Het bearer-token mag hoogstens { $limit } bytes lang zijn.
cause-token-malformed = Het bearer-token is geen ondertekend JSON Web Token.
cause-token-kind = Het bearer-token is geen toegangstoken of vereist een uitbreiding die niet wordt ondersteund.
cause-token-algorithm = Het bearer-token is ondertekend met een algoritme waarvoor de sleutel niet is bedoeld.
cause-token-signature = Het bearer-token is niet ondertekend met een sleutel die hier wordt vertrouwd.
cause-token-expired = Het bearer-token is verlopen.
cause-token-not-yet-valid = Het bearer-token is nog niet geldig.
cause-token-issuer = Het bearer-token komt niet van een uitgever die hier wordt vertrouwd.
cause-token-audience = Het bearer-token is niet voor deze service bedoeld.
# $claim: name of a claim
cause-token-claim = De claim { $claim } van het bearer-token ontbreekt of is geen tijdstip.
cause-token-no-keys = De sleutels waarmee bearer-tokens worden gecontroleerd, zijn niet beschikbaar.
cause-not-the-gateway = Het verzoek komt niet via de gateway.
cause-no-identity = De gateway geeft niet aan wie het verzoek doet.
# $header: name of a header
cause-unreadable-identity = De header { $header } is onleesbaar of komt meer dan eens voor.
# $requests: a number; $period: an amount of time, such as 10s
cause-too-many-requests = Hoogstens { $requests } verzoeken per { $period } zijn toegestaan.
cause-overloaded = Er worden op dit moment te veel verzoeken verwerkt.
cause-database-unavailable = De database is niet bereikbaar.
cause-not-confirmed = De database heeft niet op tijd bevestigd dat het antwoord actueel is.
# $seconds: how long was waited
cause-deadline-exceeded = Het antwoord was niet binnen { $seconds } s gereed.

## Faults of `filters` and `sorters`. $position counts characters from 1, $item sorters from 1.

cause-filter-too-long = De lengte van het filter, in tekens, is { $length }; de maximale lengte is { $limit }.
# $expected: one or more of the messages below, separated by commas
cause-filter-unexpected = Positie { $position } van het filter: “{ $found }” kan hier niet staan. Verwacht: { $expected }.
cause-filter-ends-early = Positie { $position } van het filter: het filter eindigt te vroeg. Verwacht: { $expected }.
# $allowed: the fields, separated by commas
cause-filter-unknown-field = Positie { $position } van het filter: het veld “{ $given }” bestaat niet. Beschikbare velden: { $allowed }.
# $allowed: the operators, separated by commas
cause-filter-operator = Positie { $position } van het filter: “{ $field }” ondersteunt de operator “{ $given }” niet. Ondersteunde operators: { $allowed }.
# $expected, $given: one of the kinds below
cause-filter-wrong-type = Positie { $position } van het filter: de waarde waarmee “{ $field }” wordt vergeleken, is van het verkeerde type. Verwacht: { $expected }; opgegeven: { $given }.
cause-filter-unknown-name = Positie { $position } van het filter: “{ $given }” is geen waarde van “{ $field }”. Toegestane waarden: { $expected }.
cause-filter-invalid-time = Positie { $position } van het filter: “{ $given }” is geen tijdstip zoals 2026-01-31T23:59:59Z. Als er een tijd is opgegeven, moet daarop “Z” of een UTC-offset volgen, waarvan de “+” in een URL als %2B wordt geschreven.
cause-filter-time-out-of-range = Positie { $position } van het filter: het tijdstip “{ $given }” valt buiten de jaren 1 tot en met 9999.
cause-filter-number-out-of-range = Positie { $position } van het filter: het getal “{ $given }” valt buiten het bereik van { $min } tot en met { $max }.
cause-filter-unterminated-text = Positie { $position } van het filter: de string die hier begint, heeft geen afsluitend dubbel aanhalingsteken.
cause-filter-unknown-escape = Positie { $position } van het filter: na een backslash moet nog een backslash of een dubbel aanhalingsteken staan.
cause-filter-null-character = Positie { $position } van het filter: het teken NUL (U+0000) is niet toegestaan.
# $limit: characters
cause-filter-text-too-long = Positie { $position } van het filter: de string die hier begint, is te lang. Maximale lengte, in tekens: { $limit }.
# $limit: levels
cause-filter-too-deep = Positie { $position } van het filter: haakjes en “not” zijn te diep genest. Maximaal aantal niveaus: { $limit }.
# $limit: comparisons
cause-filter-too-many-comparisons = Positie { $position } van het filter: er zijn te veel vergelijkingen. Maximaal aantal: { $limit }.
# $limit: values
cause-filter-too-many-values = Positie { $position } van het filter: de lijst bevat te veel waarden. Maximaal aantal: { $limit }.
cause-sorter-empty = Sorteercriterium { $item } is leeg. Beschikbare sorteercriteria: { $allowed }.
cause-sorter-unknown = Sorteercriterium { $item }, “{ $given }”, is onbekend. Beschikbare sorteercriteria: { $allowed }, elk met een optionele “-” ervoor voor aflopende volgorde.
cause-sorter-repeated = Sorteercriterium { $item } herhaalt “{ $sorter }”.

## Parts of the messages above: what can stand in a filter, and kinds of values.

expected-field = een veld
expected-operator = een operator
expected-end = het einde van het filter
# $word: a word or sign of the filter language
word = “{ $word }”
kind-text = een string tussen dubbele aanhalingstekens
kind-number = een getal
kind-time = een tijdstip
kind-boolean = een booleaanse waarde
kind-null = null
# $names: the values, separated by commas
kind-enumeration = { $names }
