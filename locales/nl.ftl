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
cause-database-unavailable = De database is niet bereikbaar.
# $seconds: how long was waited
cause-deadline-exceeded = Het antwoord was niet binnen { $seconds } s gereed.
