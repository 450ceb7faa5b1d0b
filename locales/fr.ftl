### What error answers say. Each message exists in every locale, with the same variables.

## Reasons: `messages` of the error envelope, one for each detailCode.

bad-request-syntax = La requête n’a pas pu être analysée.
bad-request-content = La requête est syntaxiquement correcte, mais son contenu est sémantiquement invalide.
unauthorized = La requête ne contient aucune information d’authentification valide pour la ressource cible.
forbidden = Le serveur a compris la requête, mais refuse de l’autoriser.
not-found = Le serveur n’a trouvé aucune représentation actuelle de la ressource cible.
method-not-allowed = La ressource cible ne prend pas en charge la méthode de la requête.
not-acceptable = La ressource cible ne dispose d’aucune représentation acceptée par la requête.
request-timeout = La requête n’est pas parvenue en entier au serveur dans le délai d’attente imparti.
conflict = La requête est en conflit avec l’état actuel de la ressource cible.
precondition-failed = La ressource cible ne satisfait pas à une condition préalable de la requête.
payload-too-large = La taille du contenu de la requête dépasse la limite acceptée par le serveur.
uri-too-long = La longueur de la cible de la requête dépasse la limite acceptée par le serveur.
unsupported-media-type = La ressource cible n’accepte pas le format du contenu de la requête.
too-many-requests = Trop de requêtes ont été reçues en peu de temps.
header-fields-too-large = La taille des champs d’en-tête de la requête dépasse la limite acceptée par le serveur.
internal-fault = Une erreur interne s’est produite.
service-unavailable = Le service ne peut pas répondre pour le moment. Veuillez réessayer ultérieurement.

## Causes: what exactly was wrong with the request, and what is allowed.

# $parameter: name of a query parameter; $given: its value; $min, $max: the bounds
cause-not-an-integer = « { $parameter } » doit être un entier compris entre { $min } et { $max } inclus, et non « { $given } ».
cause-not-a-boolean = « { $parameter } » doit valoir « true » ou « false », et non « { $given } ».
# $times: how often it was given
cause-parameter-repeated = Le paramètre « { $parameter } » ne peut être indiqué qu’une seule fois ; il l’a été { $times } fois.
# $position: byte position in the query, from 1
cause-percent-encoding = Le caractère « % » à la position { $position } de la chaîne de requête n’est pas suivi de deux chiffres hexadécimaux.
# $position: byte position in the query, from 1, where the parameter begins
cause-query-not-utf8 = Le paramètre à la position { $position } de la chaîne de requête n’est pas encodé en UTF-8.
# $path: the path of the request
cause-unknown-path = Il n’y a rien à l’emplacement « { $path } ».
# $method: the method of the request; $allowed: the methods that are supported
cause-method-not-allowed = La méthode { $method } n’est pas prise en charge ici. Méthodes prises en charge : { $allowed }.
# $limit: bytes
cause-uri-too-long = La longueur maximale de la cible de la requête, en octets, est de { $limit }.
cause-payload-too-large = La taille maximale du contenu de la requête, en octets, est de { $limit }.
cause-database-unavailable = La base de données est inaccessible.
# $seconds: how long was waited
cause-deadline-exceeded = La réponse n’était pas prête au bout de { $seconds } s.
